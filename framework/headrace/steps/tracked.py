"""What is tracked of a training: what it was asked for, what it measured, and by what anybody could make it again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlmodel import Session

from headrace import registry, tracking
from headrace.features import Rows
from headrace.registry import Version
from headrace.steps.workspace import Workspace
from headrace.store.tables import Run
from headrace.store.tracked import Tracked
from headrace.training import Candidate

__all__ = ["attempt", "judged", "note"]


@contextmanager
def attempt(workspace: Workspace, rows: Rows, *, algorithm: str, params: Mapping[str, Any], seed: int) -> Iterator[None]:
    """Track a training that goes on within; the params of one that fails are kept as they were given, to be found by them."""
    store = workspace.store
    with store.transaction(workspace.actor, "log", f"run {rows.run_id}") as session:
        if session.get(Tracked, rows.run_id) is None:  # begun by an older Headrace
            now = store.clock.now()
            tracking.begin(session, id=rows.run_id, experiment=rows.model, actor=workspace.actor, at=now, model=rows.model, flow="train")
        counts = {"train": rows.train, "holdout": rows.holdout, "new": rows.new}
        tracking.make_note(session, rows.run_id, dataset={"digest": rows.digest, "as_of": rows.as_of, "rows": counts})
    try:
        yield
    except Exception:
        with store.transaction(workspace.actor, "log", f"run {rows.run_id}") as session:
            tracking.log_params(session, rows.run_id, _params(algorithm, seed, params))
            tracking.write_digests(session, rows.run_id, {"data": rows.digest, **_commit(workspace)})
        raise


def note(workspace: Workspace, candidate: Candidate) -> None:
    """Track what a training made, once: a step that is tried again gives the same candidate."""
    store = workspace.store
    with store.read() as session:
        version = registry.get(session, candidate.model, candidate.number)
        row = session.get(Tracked, candidate.run_id)
    if row is None or row.version is not None:
        return
    manifest = version.manifest
    artifacts = _artifacts(version)
    holdout = tracking.holdout_digest(store.blobs.get(manifest["reference"]))
    made_by, at = _commit(workspace), store.clock.now()
    with store.transaction(workspace.actor, "log", f"run {candidate.run_id}") as session:
        tracking.log_params(
            session, candidate.run_id, _params(version.algorithm, manifest["seed"], manifest["params"], manifest["baseline"])
        )
        tracking.log_points(session, candidate.run_id, [(name, 0, value, at) for name, value in _metrics(manifest).items()])
        tracking.write_digests(session, candidate.run_id, {**manifest["digests"], tracking.HOLDOUT: holdout, **made_by})
        for name, digest in artifacts.items():
            tracking.link(session, candidate.run_id, name, digest, at=at)
        tracking.make_note(session, candidate.run_id, version=version.number)
        _sign(session, candidate.run_id, tracking.authors(workspace.root))


def judged(workspace: Workspace, candidate: Candidate, *, passed: bool) -> None:
    """Track what the gates said, where the run is tracked."""
    with workspace.store.read() as session:
        known = session.get(Tracked, candidate.run_id) is not None
    if known:
        with workspace.store.transaction(workspace.actor, "log", f"run {candidate.run_id}") as session:
            tracking.set_tags(session, candidate.run_id, {"verdict": "passed" if passed else "rejected"})


def _commit(workspace: Workspace) -> dict[str, str]:
    """The commit of the project's folder, and what differs from it."""
    found = tracking.commit(workspace.root)
    return {} if found is None else found.to_json()


def _sign(session: Session, run_id: str, authors: list[str]) -> None:
    """Note whose commit a training was of: they have no vote on what it made."""
    row = session.get(Run, run_id)
    if row is not None and authors:
        row.details = {**row.details, "authors": authors}
        session.add(row)


def _params(algorithm: str, seed: int, params: Mapping[str, Any], baseline: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An algorithm's own parameters keep their names, whatever ours are called."""
    beside = {f"baseline.{name}": value for name, value in baseline["params"].items()} if baseline is not None else {}
    named = {"baseline": baseline["algorithm"]} if baseline is not None else {}
    return {"algorithm": algorithm, "seed": seed, **named, **beside, **params}


def _metrics(manifest: Mapping[str, Any]) -> dict[str, float]:
    """Of the held-out rows, and of the baseline on them; NaN where one is not defined."""
    of_baseline = manifest["baseline"]["metrics"] if manifest["baseline"] is not None else {}
    named = {**manifest["metrics"], **{f"baseline.{name}": value for name, value in of_baseline.items()}}
    return {name: math.nan if value is None else value for name, value in named.items()}


def _artifacts(version: Version) -> dict[str, str]:
    """The blobs of a version by name."""
    manifest = version.manifest
    found = {"model": version.model_digest, tracking.REFERENCE: manifest["reference"], "profile": manifest["profile"]}
    return found | ({"baseline": manifest["baseline"]["digest"]} if manifest["baseline"] is not None else {})
