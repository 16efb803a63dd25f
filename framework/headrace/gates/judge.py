"""The gates carried out: facts gathered, every gate asked, the verdict recorded and announced in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from headrace import registry
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.gates.decide import decide
from headrace.gates.facts import gather
from headrace.gates.values import Gate, Judged, Verdict
from headrace.hooks import Plugins
from headrace.store import Store, events, tables
from headrace.store.events import EventKind

_ANNOUNCED = (EventKind.CANDIDATE_PASSED, EventKind.CANDIDATE_REJECTED)


def judge(store: Store, plugins: Plugins, *, actor: str, model: str, number: int, run_id: str, gates: Sequence[Gate]) -> Verdict:
    """Ask every gate about a version; a version that this run has judged already gets the same verdict again.

    Passing sets the alias `candidate` and announces candidate.passed, which starts the rollout; otherwise candidate.rejected. A gate of
    mode `warn` is recorded and blocks nothing. HeadraceError: `no-gates`, `no-version`, `artifact-altered` of the held-out rows.
    """
    if not gates:
        raise HeadraceError(Diagnostic("no-gates", f"model/{model} declares no gate: nothing would be judged"), Exit.INVALID)
    with store.read() as session:
        version = registry.get(session, model, number)
        said = _announced(session, version.model, number, run_id)
    if said is not None:
        return said
    facts = gather(store, plugins, version, gates)
    judged = [decide(gate, facts, plugins.metrics, int(version.manifest.get("seed", 0)), plugins.gates) for gate in gates]
    return _record(store, actor, version, run_id, judged)


def _announced(session: Session, model: str, number: int, run_id: str) -> Verdict | None:
    """What was announced of a version before, so that a task that is tried again announces nothing twice."""
    for event in events.log(session, model, _ANNOUNCED):
        if event.payload.get("number") == number and event.payload.get("run_id") == run_id:
            return _verdict(event.kind, event.id, event.payload)
    return None


def _record(store: Store, actor: str, version: registry.Version, run_id: str, judged: Sequence[Judged]) -> Verdict:
    blocked = [item.gate for item in judged if not item.passed and item.mode == "block"]
    warned = [item.gate for item in judged if not item.passed and item.mode == "warn"]
    kind = EventKind.CANDIDATE_REJECTED if blocked else EventKind.CANDIDATE_PASSED
    event_id = uuid4().hex
    model, number = version.model, version.number
    head = {"model": model, "number": number, "run_id": run_id}
    gates = [asdict(item) for item in judged]
    payload = {"id": event_id, **head, "passed": not blocked, "failed": blocked, "warned": warned, "gates": gates}
    at = store.clock.now()
    with store.transaction(actor, "judge", str(version)) as session:
        for item in judged:
            session.add(_row(version, run_id, item, at))
        events.append(session, model=model, kind=EventKind.GATES_JUDGED, payload={**head, "passed": not blocked, "gates": gates}, at=at)
        if not blocked:
            registry.move(session, model=model, alias=registry.CANDIDATE, number=number, at=at, reason="it passed its gates")
        successor = None if blocked else "roll_out"
        events.append(session, model=model, kind=kind, payload=payload, at=at, successor=successor, id=event_id)
    return _verdict(kind, event_id, payload)


def _verdict(kind: EventKind, event_id: str, payload: dict[str, Any]) -> Verdict:
    return Verdict(passed=kind is EventKind.CANDIDATE_PASSED, event=f"headrace.{kind.value}", event_id=event_id, payload=payload)


def _row(version: registry.Version, run_id: str, item: Judged, at: datetime) -> tables.Verdict:
    return tables.Verdict(
        model=version.model, number=version.number, run_id=run_id, data_digest=version.manifest["reference"], at=at, **asdict(item)
    )
