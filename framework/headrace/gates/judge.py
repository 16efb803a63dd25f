"""The gates carried out: facts gathered, every gate asked, the verdict recorded and announced in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from headrace import registry
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.gates.decide import decide
from headrace.gates.facts import gather
from headrace.gates.standing import ANNOUNCED, Standing, announcement, standing
from headrace.gates.values import Gate, Judged, Verdict
from headrace.gates.waivers import waived
from headrace.hooks import Live, Plugins
from headrace.store import Store, due, events, tables
from headrace.store.events import EventKind

LiveData = Callable[[], Live]
"""Gives the model's live data; HeadraceError where there is none."""
_Asked = tuple[registry.Version, Sequence[Judged]]
"""A version, and what each gate says of it."""


def judge(
    store: Store,
    plugins: Plugins,
    *,
    actor: str,
    model: str,
    number: int,
    run_id: str,
    gates: Sequence[Gate],
    live: LiveData | None = None,
    declared: registry.Declared | None = None,
) -> Verdict:
    """Ask every gate about a version; a version that this run has judged already gets the same verdict again.

    Passing sets the alias `candidate` and announces candidate.passed, which starts the rollout; otherwise candidate.rejected. A gate of
    mode `warn` is recorded and blocks nothing. HeadraceError: `no-gates`, `no-version`, `artifact-altered` of the held-out rows.

    In another run than the one that made the version, it is judged again, and beside it the champion: a candidate that fails now is
    withdrawn, a champion that fails is told of and goes on, and what a rollout has decided stays decided. `live` gives the model's live
    data to gates that ask for it. The version's card says what the gates said, and what is `declared` of the model.
    """
    if not gates:
        raise HeadraceError(Diagnostic("no-gates", f"model/{model} declares no gate: nothing would be judged"), Exit.INVALID)
    with store.read() as session:
        version = registry.get(session, model, number)
        said = _announced(session, version.model, number, run_id)
        champion = registry.aliases(session, model).get(registry.CHAMPION, number) if run_id != version.run_id else number
        other = registry.get(session, model, champion) if champion != number else None
    if said is not None:
        return said
    beside = None if other is None else _ask(store, plugins, other, gates, live)
    return _record(store, actor, run_id, _ask(store, plugins, version, gates, live), beside, declared=declared)


def _ask(store: Store, plugins: Plugins, version: registry.Version, gates: Sequence[Gate], live: LiveData | None) -> _Asked:
    facts = gather(store, plugins, version, gates, live)
    seed, at = int(version.manifest.get("seed", 0)), store.clock.now()
    of = {"data": version.manifest["reference"], "seed": seed}
    said: list[Judged] = [] if facts.beside is None else facts.beside.said  # a gate may look at those before it
    for gate in gates:
        one = decide(gate, facts, plugins.metrics, seed, plugins.gates)
        said.append(waived(gate, replace(one, evidence={**(one.evidence or {}), **of}), at))
    return version, said


def _announced(session: Session, model: str, number: int, run_id: str) -> Verdict | None:
    """What was announced of a version before, so that a task that is tried again announces nothing twice."""
    for kinds in (ANNOUNCED, (EventKind.GATES_JUDGED,)):
        for event in events.log(session, model, kinds):
            if event.payload.get("number") == number and event.payload.get("run_id") == run_id:
                return _verdict(event.kind, event.id, event.payload)
    return None


def _record(store: Store, actor: str, run_id: str, asked: _Asked, beside: _Asked | None, *, declared: registry.Declared | None) -> Verdict:
    """Write down what was said, of the version and of the champion beside it, and announce what it means where the version stands now."""
    at, version = store.clock.now(), asked[0]
    model, number = version.model, version.number
    with store.transaction(actor, "judge", str(version)) as session:
        champion = {} if beside is None else {"champion": _note(session, *beside, run_id, at)}
        stands = standing(session, model, number)
        payload = {**_note(session, *asked, run_id, at), "stands": stands.value, **champion}
        registry.write_card(session, version, at=at, said=declared, keep_approved=True)
        kind = announcement(stands, passed=bool(payload["passed"]))
        if kind is EventKind.GATES_JUDGED:
            events.append(session, model=model, kind=kind, payload=payload, at=at, id=payload["id"])
            return _verdict(kind, payload["id"], payload)
        events.append(session, model=model, kind=EventKind.GATES_JUDGED, payload=_told(payload), at=at)
        if kind is EventKind.CANDIDATE_PASSED:
            registry.move(session, model=model, alias=registry.CANDIDATE, number=number, at=at, reason="it passed its gates")
        elif stands is Standing.CANDIDATE:
            reason = "it no longer passes its gates"
            registry.move(session, model=model, alias=registry.CANDIDATE, number=None, at=at, reason=reason)
            due.put(session, model, "roll_out", at, reason)  # a rollout that runs ends at its next look
        else:
            registry.reject(session, model=model, number=number, at=at, reason="it did not pass its gates")
        successor = "roll_out" if kind is EventKind.CANDIDATE_PASSED else None
        events.append(session, model=model, kind=kind, payload=payload, at=at, successor=successor, id=payload["id"])
    return _verdict(kind, payload["id"], payload)


def _note(session: Session, version: registry.Version, judged: Sequence[Judged], run_id: str, at: datetime) -> dict[str, Any]:
    """One row a gate; what an event says of it, under an id of its own."""
    for item in judged:
        session.add(_row(version, run_id, item, at))
        if item.waived is not None:
            said = {"model": version.model, "number": version.number, "run_id": run_id, "gate": item.gate, **item.waived}
            events.append(session, model=version.model, kind=EventKind.GATE_WAIVED, payload=said, at=at)
    blocked = [item.gate for item in judged if item.blocks]
    excused = [item.gate for item in judged if item.waived is not None]
    warned = [item.gate for item in judged if not item.passed and item.mode == "warn"]
    head = {"id": uuid4().hex, "model": version.model, "number": version.number, "run_id": run_id}
    outcome = {"passed": not blocked, "failed": blocked, "warned": warned, "waived": excused}
    return {**head, **outcome, "gates": [asdict(item) for item in judged]}


def _told(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What the judgement's own event says, where another event announces the verdict."""
    return {key: payload[key] for key in ("model", "number", "run_id", "passed", "gates")}


def _verdict(kind: EventKind, event_id: str, payload: dict[str, Any]) -> Verdict:
    return Verdict(passed=bool(payload["passed"]), event=f"headrace.{kind.value}", event_id=event_id, payload=payload)


def _row(version: registry.Version, run_id: str, item: Judged, at: datetime) -> tables.Verdict:
    told = asdict(item)
    return tables.Verdict(
        model=version.model, number=version.number, run_id=run_id, data_digest=version.manifest["reference"], at=at, **told
    )
