"""What got stuck between our log and Prefect: events that started nothing, and runs that died without a word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import select

from headrace.apply.prefect import TERMINAL, Door
from headrace.diagnostics import HeadraceError
from headrace.steps import run
from headrace.store import EventKind, Store, clock, events
from headrace.store.kinds import RunStatus
from headrace.store.tables import Run

PATIENCE = timedelta(seconds=20)
"""How long after an event its run is waited for, before it is sent again."""
STARTING = timedelta(minutes=5)
"""How long a run may be pending: its worker has taken it and begins it within seconds, or a minute where the machine is very busy."""


def send_again(store: Store, door: Door, model: str, patience: timedelta = PATIENCE) -> list[str]:
    """See to a model's unanswered events that are older than `patience` in wall time, and say what was done.

    An abort was decided in the model server, and an approval by who voted, neither of which has a Prefect: its `roll_out` is started here,
    once, by the event's id, and once more where that run crashed.
    Any other event goes to Prefect again under its own id, so that it starts one run however often it is sent.
    """
    with store.read() as session:
        waiting = events.unanswered(session, model)
    done = []
    for event in waiting:
        if event.kind in {EventKind.ROLLOUT_ABORTED, EventKind.APPROVAL_DECIDED}:
            caused = door.started_by(event.id)
            if all(run.type == "CRASHED" for run in caused):
                door.run(f"{model}/roll_out", {"cause": event.id}, f"{event.id}:{len(caused)}" if caused else event.id)
                done.append(f"{event.kind} of model/{model}: roll_out is started")
        elif clock.wall() - event.recorded_at > patience and door.emit(
            f"headrace.{event.kind}",
            event.id,
            f"headrace.{door.project}.{model}",
            {**event.payload, "id": event.id, "model": model},
        ):
            done.append(f"{event.kind} of model/{model} started nothing: it is sent again")
    return done


@dataclass(frozen=True)
class Place:
    """Where a run is ended, and by whom."""

    store: Store
    actor: str


def end_dead(store: Store, door: Door, model: str, actor: str, starting: timedelta = STARTING) -> list[str]:
    """End a model's runs that died without a word, and say what was done.

    Ours say `running`, and Prefect knows that they have ended: their process died. Prefect's say `pending` for longer than `starting` in
    wall time: their worker died after it took them, and no other takes a pending run; the event that started such a run is sent again.
    """
    done = []
    for pending in door.runs("PENDING"):
        if pending.deployment.startswith(f"{model}/") and clock.wall() - pending.since > starting:
            door.crash(pending.id, f"It was pending for more than {starting.total_seconds():g} s: the worker that took it died.")
            done.append(f"{pending.deployment} never began: its worker died after taking it")
    with store.read() as session:
        open_runs = session.exec(select(Run).where(Run.model == model, Run.status == RunStatus.RUNNING)).all()
        known = {row.id: (row.flow, row.details["prefect"]) for row in open_runs if "prefect" in row.details}
    for run_id, (flow, prefect_id) in known.items():
        if (why := _died(door, prefect_id)) is not None:
            run.end(Place(store, actor), run_id, RunStatus.FAILED, {"error": why}, killed=True)
            done.append(f"{flow} of model/{model} died: {why}")
    return done


def _died(door: Door, prefect_id: str) -> str | None:
    """Why a run that has not ended well will not go on; None where it may. One that lives nevertheless takes itself up at its next step."""
    try:
        state, _, message = door.run_state(prefect_id)
    except HeadraceError as error:
        if next(iter(error.report)).id != "no-run":
            raise
        return "Prefect no longer knows it"
    if state not in TERMINAL or state == "COMPLETED":
        return None
    return f"{state.lower()} in Prefect: {message}" if message else f"{state.lower()} in Prefect"
