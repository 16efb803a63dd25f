"""Whether a task that failed is worth another try: what was out of reach may be back, and what is wrong stays wrong."""

from __future__ import annotations

from typing import Any, Protocol

from headrace.diagnostics import HeadraceError

_PASSING = ("-away", "-busy", "-unreachable", "-unwritable", "source-failed")
"""How the ids end of faults that may pass by themselves."""


class Ended(Protocol):
    """A state of Prefect's, of which only what was raised matters."""

    data: Any


def again(task: object, run: object, state: Ended) -> bool:
    """Whether to try again: not after a fault of ours that will be the same in a minute, such as a column that is not there.

    Prefect's `retry_condition_fn`: `task` and `run` are its own, `state` holds what was raised.
    """
    del task, run
    if not isinstance(state.data, HeadraceError):
        return True
    return all(fault.id.endswith(_PASSING) for fault in state.data.report)
