"""What a generated `train` flow calls for a step of the user's own: their function, between two of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from headrace import features, training
from headrace.features import Rows
from headrace.steps import run
from headrace.steps.workspace import workspace
from headrace.training import Candidate

__all__ = ["call"]


@overload
def call(handle: Rows, *, id: str, python: str, params: Mapping[str, Any] | None = None) -> Rows: ...
@overload
def call(handle: Candidate, *, id: str, python: str, params: Mapping[str, Any] | None = None) -> Candidate: ...
def call(handle: Rows | Candidate, *, id: str, python: str, params: Mapping[str, Any] | None = None) -> Rows | Candidate:  # noqa: A002 - the spec's word
    """Call `module:function` on what a handle stands for, with `params` by name.

    Rows: from a DataFrame to a DataFrame, whose held-out rows are as they were. A candidate: with its held-out rows, to notes that are kept
    with the run; the candidate goes on as it is. What it raises ends the run.
    """
    with workspace("train") as w, run.running(w, model=handle.model, flow="train", run_id=handle.run_id) as step:
        if isinstance(handle, Rows):
            made = features.remake(w.store, handle, root=w.root, id=id, python=python, params=params or {})
            step.details[f"step {id}"] = {"python": python, "train": made.train, "before": handle.train}
            return made
        step.details[f"step {id}"] = {
            "python": python,
            "notes": training.inspect(w.store, handle, root=w.root, id=id, python=python, params=params or {}),
        }
        return handle
