"""How a run and a version of elsewhere are kept here: under their own ids and numbers, in one transaction, against their digests."""

from __future__ import annotations

import json
from collections.abc import Callable

from headrace import registry, tracking
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.hooks import RunRecord, Sent, Skipped, VersionRecord
from headrace.registry import Version
from headrace.store import Store
from headrace.store.kinds import TrackedStatus
from headrace.store.naming import refuse_names
from headrace.store.tracked import Tracked


def keep_run(store: Store, run: RunRecord, actor: str) -> Sent | Skipped:
    """Keep a run that is not here yet. HeadraceError: `bad-record`, `unsafe-name`, `artifact-altered`."""
    what = f"run {run.id}"
    if run.status == "running":
        return Skipped(what, "it still runs: it is taken once it has ended")
    with store.read() as session:
        if session.get(Tracked, run.id) is not None:
            return Sent(what, "unchanged")
        parent = run.parent if run.parent is not None and session.get(Tracked, run.parent) is not None else None
    refuse_names({item.name for item in run.artifacts}, what)
    left = [(item, _put(store, item.read, item.digest, f"the artifact `{item.name}` of {what}")) for item in run.artifacts]
    with store.transaction(actor, "pull", what) as session:
        tracking.begin(
            session,
            id=run.id,
            experiment=run.experiment,
            actor=run.actor,
            at=run.started_at,
            name=run.name,
            model=run.model,
            flow=run.flow,
            parent=parent,
        )
        tracking.log_params(session, run.id, run.params)
        tracking.set_tags(session, run.id, run.tags)
        tracking.write_digests(session, run.id, run.digests)
        tracking.log_points(
            session, run.id, [(name, point.step, point.value, point.at) for name, points in run.metrics.items() for point in points]
        )
        for item, found in sorted(left, key=lambda pair: (pair[0].name, pair[0].version)):
            tracking.link(session, run.id, item.name, found, at=run.ended_at or run.started_at, size=item.size)
        tracking.make_note(session, run.id, version=run.version, dataset=run.dataset)
        tracking.end(session, run.id, TrackedStatus(run.status), at=run.ended_at or run.started_at, error=run.error)
    return Sent(what, "created")


def keep_version(store: Store, version: VersionRecord, actor: str) -> Sent:
    """Keep a version that is not here yet. HeadraceError: `version-conflict`, `artifact-altered`."""
    what = f"model/{version.model} v{version.number}"
    if digest(version.manifest) != version.manifest_digest:
        raise _altered(f"the manifest of {what}", version.manifest_digest, digest(version.manifest))
    manifest = json.loads(version.manifest)
    told = (manifest.get("model"), manifest.get("number"), manifest.get("algorithm"), manifest.get("digests", {}).get("model"))
    if told != (version.model, version.number, version.algorithm, version.model_digest):
        raise _altered(f"what is said of {what}", version.manifest_digest, "others than its manifest's")
    with store.read() as session:
        held = {item.number: item.manifest_digest for item in registry.versions(session, version.model)}
    if held.get(version.number) == version.manifest_digest:
        return Sent(what, "unchanged")
    _put(store, version.read, version.model_digest, f"the model of {what}")
    registry.adopt(
        store,
        Version(
            model=version.model,
            number=version.number,
            run_id=version.run_id,
            algorithm=version.algorithm,
            format=version.format,
            model_digest=version.model_digest,
            manifest_digest=version.manifest_digest,
            manifest=manifest,
            created_at=version.created_at,
        ),
        actor=actor,
    )
    return Sent(what, "created")


def _put(store: Store, read: Callable[[], bytes], wanted: str | None, what: str) -> str:
    """Bytes among our blobs, held against the digest that they were sent with where there was one."""
    if wanted is not None and store.blobs.keep(wanted):
        return wanted
    data = read()
    if wanted is not None and digest(data) != wanted:
        raise _altered(what, wanted, digest(data))
    return store.blobs.put(data)


def _altered(what: str, wanted: str, found: str) -> HeadraceError:
    message = f"{what} was altered on the server: its digest is {found}, and it was sent as {wanted}"
    return HeadraceError(
        Diagnostic("artifact-altered", message, help="put it back there, or push it again from where it was made"), Exit.REFUSED
    )
