"""The states of a rollout, and the one table of legal moves between them."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """How far a candidate has come."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    """A step is running."""
    COMPARING = "comparing"
    """Every metric has passed, and an experiment decides."""
    ACTIVE = "active"
    """Promoted."""
    FAILED = "failed"
    """The ground was taken away under it: the champion or the weights were changed by another hand."""
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.DEPLOYING, State.ROLLING_BACK, State.FAILED}),
    State.DEPLOYING: frozenset({State.COMPARING, State.ACTIVE, State.ROLLING_BACK, State.FAILED}),
    State.COMPARING: frozenset({State.ACTIVE, State.ROLLING_BACK, State.FAILED}),
    State.ACTIVE: frozenset({State.ROLLING_BACK}),
    State.ROLLING_BACK: frozenset({State.ROLLED_BACK, State.FAILED}),
    State.FAILED: frozenset(),
    State.ROLLED_BACK: frozenset(),
}
"""From each state, the states that may follow; what failed or was rolled back stays so, and a new try is a new rollout."""

RUNNING = frozenset({State.PENDING, State.DEPLOYING, State.COMPARING, State.ROLLING_BACK})
"""The states in which a rollout has not ended."""


class IllegalMove(Exception):  # noqa: N818 - it reads as what it says
    """A move that the table does not have; a bug, and nothing was written."""


def moved(before: str, after: State) -> State:
    """The state after a move; IllegalMove where the table has none."""
    if after not in MOVES[State(before)]:
        raise IllegalMove(f"a rollout that is {before} cannot become {after}")
    return after
