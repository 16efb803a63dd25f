"""What a generated `train` flow calls between the rows and the gates: search parameters, make a candidate."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace import tracking, training
from headrace.features import Rows
from headrace.steps import carded, far, run, tracked
from headrace.steps.workspace import workspace
from headrace.store import clock
from headrace.training import Baseline, Calibrate, Candidate, EarlyStopping, Folds, Tuned
from headrace.training.search import Asked, Search, asked, chosen, drive
from headrace.training.search import search as searched
from headrace.transforms import Transformation

__all__ = ["Searching", "best", "search", "train", "trials", "tune"]

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
        _note(step, rows.model, tuned)
        return tuned


@dataclass(frozen=True, slots=True)
class Searching:
    """A search that several take part in: where it is described, in which project, and when its time is over (seconds since 1970)."""

    model: str
    run_id: str
    asked: str
    project: str
    drivers: int
    ends: float


def search(
    rows: Rows,
    *,
    algorithm: str,
    params: Mapping[str, Any],
    seed: int,
    cv: Folds,
    search: Search,
    drivers: int = 1,
    early_stopping: EarlyStopping | None = None,
    calibrate: Calibrate | None = None,
    transforms: Sequence[Transformation] = (),
    folds: Folds | None = None,
) -> Searching:
    """What `tune` would search, for so many `drivers` to do it together; its time begins.

    HeadraceError: `runner-store` where workers on other machines could not reach the study, and those of `training.search.asked`.
    """
    with workspace("train") as w, run.running(w, model=rows.model, flow="train", run_id=rows.run_id):
        far.refuse(w.config.runner, w.config.environment, w.store.where)
        found = asked(
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
        ends = clock.wall() + search.timeout
        return Searching(rows.model, rows.run_id, w.store.blobs.put(found.to_bytes()), str(w.root), drivers, ends.timestamp())


def trials(searching: Searching, driver: int) -> int:
    """Trials of a search, one after another in processes of this machine, until none is left or its time is over; how many were ended.

    All drivers share what is left, and what one had in hand when it was killed comes back to the others.
    """
    with far.workspace_of(searching.project, "train") as w, run.running(w, model=searching.model, flow="train", run_id=searching.run_id):
        found = Asked.of(w.store.blobs.get(searching.asked))
        ended = drive(w.store, found, seconds=searching.ends - clock.wall().timestamp(), drivers=searching.drivers)
        LOG.info("model/%s: driver %d ended %d trials", searching.model, driver, ended)
        return ended


def best(searching: Searching, ended: Sequence[int]) -> Tuned:
    """The best parameters that all of its drivers found; HeadraceError `search-empty` where no trial came to its end."""
    with workspace("train") as w, run.running(w, model=searching.model, flow="train", run_id=searching.run_id) as step:
        LOG.info("model/%s: %d trials by %d drivers", searching.model, sum(ended), len(ended))
        tuned = chosen(w.store, Asked.of(w.store.blobs.get(searching.asked)))
        _note(step, searching.model, tuned)
        return tuned


def _note(step: run.Running, model: str, tuned: Tuned) -> None:
    step.details["tuned"] = tuned.to_json()
    failed = tuned.counts.get("failed", 0)
    if failed and not tuned.params and set(tuned.counts) <= {"complete", "failed", "lost"} and tuned.counts["complete"] == 1:
        # Nothing was won, and nobody would see that nothing was tried.
        said = f"{failed} of {sum(tuned.counts.values())} trials failed, and none of them with searched parameters came to its end"
        step.details["warning"] = said
        LOG.warning("model/%s: %s: it is trained by the spec's own; `headrace tune show %s` says why", model, said, model)


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
                said=carded.said(w, rows.model),
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
