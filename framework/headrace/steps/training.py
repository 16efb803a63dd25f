"""What a generated `train` flow calls second: make a candidate of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace import training
from headrace.features import Rows
from headrace.steps import run, tracked
from headrace.steps.workspace import workspace
from headrace.training import Baseline, Candidate
from headrace.transforms import Transformation

__all__ = ["train"]


def train(
    rows: Rows,
    *,
    algorithm: str,
    params: Mapping[str, Any],
    seed: int,
    baseline: Baseline | None = None,
    transforms: Sequence[Transformation] = (),
) -> Candidate:
    """One registered candidate, with its evaluation on the held-out rows; the run is tracked, whether it ends well or not."""
    with workspace("train") as w, run.running(w, model=rows.model, flow="train", run_id=rows.run_id) as step:
        with tracked.attempt(w, rows, algorithm=algorithm, params=params, seed=seed):
            candidate = training.train(
                w.store,
                w.plugins,
                rows,
                actor=w.actor,
                algorithm=algorithm,
                params=params,
                seed=seed,
                baseline=baseline,
                transforms=transforms,
                through=rows.plugins,
            )
        tracked.note(w, candidate)
        step.details["candidate"] = {"number": candidate.number, "metrics": candidate.metrics}
        return candidate
