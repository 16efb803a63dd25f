"""What is recorded of a candidate, as named facts: each true, false, or unknown where nothing that could tell is recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from headrace.compiled import DeployConfig, read, read_serving
from headrace.diagnostics import HeadraceError
from headrace.gates.values import Judged
from headrace.hooks import Records
from headrace.registry import Version, aliases, card_judged
from headrace.registry.alias import PREVIOUS
from headrace.registry.version import digest_of
from headrace.store import Store, events
from headrace.store.events import EventKind
from headrace.store.tables import Verdict

_Fact = tuple[bool | None, str]
_LINEAGE = {"data": "training rows", "code": "code", "environment": "environment"}


def of(store: Store, version: Version, said: Sequence[Judged], grouping: Collection[str] = ()) -> Records:
    """All facts of one version; `said` are the gates before this one in this judgement, `grouping` the metrics that compare groups."""
    found: dict[str, _Fact] = dict(_all(store, version, said))
    fair = [item for item in said if item.metric in grouping]
    told = "; ".join(item.reason for item in fair) or "no gate before this one compares groups"
    found["judged.fairness"] = (all(item.passed for item in fair) if fair else None, told)
    return Records({name: fact for name, (fact, _) in found.items()}, {name: why for name, (_, why) in found.items()}, store.clock.now())


def _all(store: Store, version: Version, said: Sequence[Judged]) -> Iterator[tuple[str, _Fact]]:
    manifest = version.manifest
    yield "version.registered", (True, f"{version} was registered at {version.created_at:%Y-%m-%d %H:%M} by run {version.run_id}")
    yield (
        "manifest.sound",
        (digest_of(manifest) == version.manifest_digest, f"the manifest's digest was held against {version.manifest_digest}"),
    )
    for part, what in _LINEAGE.items():
        yield f"lineage.{part}", _kept(store, manifest.get("digests", {}).get(part), what)
    yield "artifact.sound", _kept(store, version.model_digest, "model")
    yield "evaluation.recorded", _given(manifest.get("metrics"), "the registration has metrics on held-out rows")
    yield "evaluation.baseline", _given(manifest.get("baseline"), "a plain model was trained and evaluated beside it")
    yield "evaluation.held_out", _kept(store, manifest.get("reference"), "held-out rows with predictions")
    yield "profile.kept", _kept(store, manifest.get("profile"), "profile of the training rows")
    yield from _judged(said)
    yield from _declared(store, version)
    yield from _logged(store, version)
    yield "card.complete", _card(store, version, said)


def _kept(store: Store, digest: str | None, what: str) -> _Fact:
    """True where the bytes are there and are what was recorded, False where they are lost or altered, None where none were recorded."""
    if not digest:
        return None, f"no digest of the {what} is recorded"
    try:
        store.blobs.get(digest)
    except HeadraceError as error:
        return False, "; ".join(item.message for item in error.report)
    return True, f"the {what} is kept under {digest}"


def _given(value: object, told: str) -> _Fact:
    return (True, told) if value else (None, f"nothing is recorded by which {told}")


def _judged(said: Sequence[Judged]) -> Iterator[tuple[str, _Fact]]:
    """Each gate by its id, and each metric or kind of gate by its name: those before this one in the list of gates."""
    for item in said:
        yield f"gate.{item.gate}", (item.passed, item.reason)
    for name in dict.fromkeys(item.metric for item in said):
        of_it = [item for item in said if item.metric == name]
        yield f"judged.{name}", (all(item.passed for item in of_it), "; ".join(item.reason for item in of_it))
    if said:
        failed = [item.gate for item in said if not item.passed]
        told = f"{len(failed)} of {len(said)} gates before this one failed{': ' + ', '.join(failed) if failed else ''}"
        yield "gates.passed", (not failed, told)


def _declared(store: Store, version: Version) -> Iterator[tuple[str, _Fact]]:
    """What the compiled project says of the model."""
    flows = {"monitoring.scheduled": "monitor", "rollout.declared": "roll_out"}
    try:
        declared = read(DeployConfig, store.root / "flows" / f"{version.model}.deploy.json")
        serving = read_serving(store.root, version.model)
    except HeadraceError as error:
        told = "; ".join(item.message for item in error.report)
        for name in (*flows, "journal.kept"):
            yield name, (None, f"the compiled project cannot be read: {told}")
        return
    there = {item.flow: bool(item.schedules) for item in declared.deployments}
    for name, flow in flows.items():
        has = there.get(flow, False)
        yield name, (has, f"flows/ {'schedules' if has else 'does not schedule'} the flow `{flow}`")
    kept = serving.journal is not None
    yield "journal.kept", (kept, f"requests and answers are {'journalled' if kept else 'not journalled'}")


def _logged(store: Store, version: Version) -> Iterator[tuple[str, _Fact]]:
    """What the model's log says of this version: the last event of a kind that names its number."""
    with store.read() as session:
        log = events.log(session, version.model, (EventKind.APPROVAL_DECIDED, EventKind.VERSION_ATTESTED))
        has_previous = PREVIOUS in aliases(session, version.model)
    last = {item.kind: item.payload for item in log if version.number in (item.payload.get("number"), item.payload.get("version"))}
    yield "approval.granted", _event(last.get(EventKind.APPROVAL_DECIDED), "approval", _approved)
    yield "version.attested", _event(last.get(EventKind.VERSION_ATTESTED), "attestation", lambda _: True)
    yield "rollback.possible", (True if has_previous else None, f"there is {'a' if has_previous else 'no'} version to go back to")


def _card(store: Store, version: Version, said: Sequence[Judged]) -> _Fact:
    """Its card as this judgement leaves it: what the gates before this one said is written into it once all have spoken."""
    at, data = store.clock.now(), version.manifest.get("reference")
    rows = [
        Verdict(model=version.model, number=version.number, run_id=version.run_id, data_digest=data, at=at, **asdict(item)) for item in said
    ]
    try:
        with store.read() as session:
            found = card_judged(session, version, rows)
    except HeadraceError as error:
        return False, "; ".join(item.message for item in error.report)
    if found is None:
        return None, "it has no model card"
    lacking = f"; it lacks {', '.join(f'{item.need} of {item.part}' for item in found.lacking)}" if found.lacking else ""
    return found.complete, f"with what the gates before this one said its card has {found.has} of {found.needs} parts{lacking}"


def _event(payload: Mapping[str, Any] | None, what: str, holds: Callable[[Mapping[str, Any]], bool]) -> _Fact:
    if payload is None:
        return None, f"no {what} of this version is in the log"
    return holds(payload), f"the log has the {what} of this version"


def _approved(payload: Mapping[str, Any]) -> bool:
    """Whether a decision was a yes; what says neither is none."""
    return payload.get("approved") is True or payload.get("outcome") in ("approved", "granted") or payload.get("decision") == "approved"
