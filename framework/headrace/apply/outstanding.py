"""Events that should have started a flow and have not: sent again, since Prefect can lose one without a word."""

from __future__ import annotations

from datetime import timedelta

from headrace.apply.prefect import Door
from headrace.store import EventKind, Store, clock, events

PATIENCE = timedelta(seconds=20)
"""How long after an event its run is waited for, before it is sent again."""


def send_again(store: Store, door: Door, model: str, patience: timedelta = PATIENCE) -> list[str]:
    """See to a model's unanswered events that are older than `patience` in wall time, and say what was done.

    An abort was decided in the model server, which has no Prefect: its `roll_out` is started here, once, by the event's id.
    Any other event goes to Prefect again under its own id, so that it starts one run however often it is sent.
    """
    with store.read() as session:
        waiting = events.unanswered(session, model)
    done = []
    for event in waiting:
        if event.kind is EventKind.ROLLOUT_ABORTED:
            door.run(f"{model}/roll_out", {"cause": event.id}, event.id)
            done.append(f"{event.kind} of model/{model}: roll_out is started")
        elif clock.wall() - event.recorded_at > patience and door.emit(
            f"headrace.{event.kind}",
            event.id,
            f"headrace.{door.project}.{model}",
            {**event.payload, "id": event.id, "model": model},
        ):
            done.append(f"{event.kind} of model/{model} started nothing: it is sent again")
    return done
