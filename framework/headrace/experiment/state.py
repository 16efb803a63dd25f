"""The states of an experiment, and the one table of legal moves between them."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """How far an experiment has come."""

    PENDING = "pending"
    RUNNING = "running"
    """Units enter."""
    STOPPED_ENROLLING = "stopped_enrolling"
    """What is asked from now on has no answer by the end; the answers of those who entered are waited for."""
    DECIDED = "decided"
    STOPPED = "stopped"
    """A person ended it."""
    FAILED = "failed"
    """The ground was taken away under it: the champion, the weights or the gates were changed by another hand."""


MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.RUNNING}),
    State.RUNNING: frozenset({State.STOPPED_ENROLLING, State.DECIDED, State.STOPPED, State.FAILED}),
    State.STOPPED_ENROLLING: frozenset({State.DECIDED, State.STOPPED, State.FAILED}),
    State.DECIDED: frozenset({State.STOPPED, State.FAILED}),
    State.STOPPED: frozenset(),
    State.FAILED: frozenset(),
}
"""From each state, the states that may follow. One that was decided, and whose arms were kept, may still be stopped or lose its ground."""

RUNNING = frozenset({State.RUNNING, State.STOPPED_ENROLLING})
"""The states in which an experiment has not ended."""


class IllegalMove(Exception):  # noqa: N818 - it reads as what it says
    """A move that the table does not have; a bug, and nothing was written."""


def moved(before: str, after: State) -> State:
    """The state after a move; IllegalMove where the table has none."""
    if after not in MOVES[State(before)]:
        raise IllegalMove(f"an experiment that is {before} cannot become {after}")
    return after
