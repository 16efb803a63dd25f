"""What a generated `train` flow calls between the rows and the gates: search parameters, make a candidate."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace import tracking, training
from headrace.features import Rows
from headrace.steps import run, tracked
from headrace.steps.workspace import workspace
from headrace.training import Baseline, Calibrate, Candidate, EarlyStopping, Folds, Tuned
from headrace.training.search import Search
from headrace.training.search import search as searched
from headrace.transforms import Transformation

__all__ = ["train", "tune"]

LOG = logging.getLogger("headrace.steps")
_OFTEN = 50
"""After how many steps of a training a line is logged."""


def tune(
    rows: Rows,
    *,
    algorithm: str,
    params: Mapping[str, Any],
    seed: int,
    cv: Folds,
    search: Search,
    early_stopping: EarlyStopping | None = None,
    calibrate: Calibrate | None = None,
    transforms: Sequence[Transformation] = (),
    folds: Folds | None = None,
) -> Tuned:
    """The best parameters that were found within the budget; a run that was killed goes on with the trials that it has."""
    with workspace("train") as w, run.running(w, model=rows.model, flow="train", run_id=rows.run_id) as step:
        tuned = searched(
            w.store,
            w.plugins,
            rows,
            algorithm=algorithm,
            params=params,
            seed=seed,
            cv=cv,
            search=search,
            early_stopping=early_stopping,
            calibrate=calibrate,
            transforms=transforms,
            folds=folds,
            allow=w.config.plugins.allow,
            deny=w.config.plugins.deny,
        )
        step.details["tuned"] = tuned.to_json()
        return tuned


def train(
    rows: Rows,
    *,
    algorithm: str,
    params: Mapping[str, Any],
    seed: int,
    baseline: Baseline | None = None,
    transforms: Sequence[Transformation] = (),
    early_stopping: EarlyStopping | None = None,
    cv: Folds | None = None,
    calibrate: Calibrate | None = None,
    folds: Folds | None = None,
    tuned: Tuned | None = None,
) -> Candidate:
    """One registered candidate, with its evaluation on the held-out rows; `tuned` parameters go before `params`.

    The run is tracked, whether it ends well or not; each step of an algorithm that is watched is, too, as `progress.NAME`.
    """
    with workspace("train") as w, run.running(w, model=rows.model, flow="train", run_id=rows.run_id) as step:
        asked = dict(params) | tuned.params if tuned is not None else params
        with (
            tracked.attempt(w, rows, algorithm=algorithm, params=asked, seed=seed),
            tracking.Recorder(w.store, rows.run_id, w.actor) as recorder,
        ):
            candidate = training.train(
                w.store,
                w.plugins,
                rows,
                actor=w.actor,
                algorithm=algorithm,
                params=params,
                seed=seed,
                baseline=baseline,
                early_stopping=early_stopping,
                cv=cv,
                calibrate=calibrate,
                transforms=transforms,
                folds=folds,
                tuned=tuned,
                step=_followed(rows.model, recorder),
                through=rows.plugins,
            )
        tracked.note(w, candidate)
        step.details["candidate"] = {"number": candidate.number, "metrics": candidate.metrics}
        return candidate


def _followed(model: str, recorder: tracking.Recorder) -> Callable[[int, Mapping[str, float]], None]:
    """Progress as metrics of the run, and now and then as a line of the log."""

    def step(number: int, values: Mapping[str, float]) -> None:
        recorder.step(number, {f"progress.{name}": value for name, value in values.items()})
        if number == 1 or number % _OFTEN == 0:
            LOG.info("model/%s: step %d%s", model, number, "".join(f", {name} {value:.6g}" for name, value in values.items()))

    return step
