"""From a snapshot of rows to the parameters that do best on its training side, with every trial kept."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.hooks import Plugins
from headrace.store import Store
from headrace.store.faults import translated
from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.folds import Folds
from headrace.training.search.asked import Asked, asked, canonical
from headrace.training.search.choose import choose, front
from headrace.training.search.driver import Drive, WorkerError
from headrace.training.search.memory import memory
from headrace.training.search.study import Study
from headrace.training.search.values import Search, Trial
from headrace.training.values import Material, Tuned
from headrace.transforms import Transformation


def search(
    store: Store,
    plugins: Plugins,
    rows: Material,
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
    allow: Sequence[str] | None = (),
    deny: Sequence[str] = (),
) -> Tuned:
    """Try parameters within the budget and choose among those tried; the spec's own are the first trial, so nothing worse is chosen.

    The study is kept under the digest of all that it depends on, budget and workers aside: a run that was killed, and a later one of the
    same rows and words, goes on with it. Which trials there are depends on the machine where several run at once or time ends the search;
    training with the chosen parameters does not. `allow` and `deny` are the project's plugins, for the processes of the trials.

    HeadraceError: those of `asked`, `drive` and `chosen`.
    """
    found = asked(
        store,
        plugins,
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
        allow=allow,
        deny=deny,
    )
    drive(store, found, seconds=search.timeout.total_seconds())
    return chosen(store, found)


def drive(store: Store, found: Asked, *, seconds: float, drivers: int = 1) -> int:
    """Run trials until none is left or so many seconds are over; how many this call ended.

    Several may do it at once, on whatever machine reaches the study: they share its trials and its budget. `drivers` is how many there are
    thought to be, so that trials which run at once differ. HeadraceError: `search-failed` (the processes do not start), and those of the
    store, whose database the study is in.
    """
    if seconds <= 0:
        return 0
    ended = 0

    def one() -> None:
        nonlocal ended
        ended += 1

    search = replace(found.search, workers=found.search.workers * drivers)
    with (
        _opened(store, found, search) as study,
        tempfile.TemporaryDirectory(prefix="headrace-search-") as folder,
        store.blobs.private(found.rows) as rows,
    ):
        file = Path(folder) / "job.json"
        # Blobs and the project may lie elsewhere on the machine of this driver.
        replace(found.job, rows=str(rows), root=str(store.root)).write(file)
        drive = Drive(study, file, search.trials, search.timeout.total_seconds(), found.search.workers, left=seconds, told=one)
        try:
            drive.run()
        except WorkerError as error:
            raise HeadraceError(Diagnostic("search-failed", f"the trials of model/{found.model} cannot be run: {error}")) from error
    return ended


@contextmanager
def _opened(store: Store, found: Asked, search: Search, *, drives: bool = True) -> Iterator[Study]:
    """The study, open; what its database says is told as the store's, in which it is."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import DBAPIError

    with translated(store.where):
        try:
            study = Study(memory(store, found.name), found.name, search, found.defaults, drives=drives)
            try:
                yield study
            finally:
                study.close()
        except StorageInternalError as error:
            if isinstance(error.__cause__, DBAPIError):
                raise error.__cause__ from None  # Optuna's own words for it say less
            raise


def chosen(store: Store, found: Asked) -> Tuned:
    """The best of all trials, and every trial with it; HeadraceError `search-empty` where none came to its end."""
    with _opened(store, found, found.search, drives=False) as study:
        return _chosen(store, study, found)


def _chosen(store: Store, study: Study, found: Asked) -> Tuned:
    search = found.search
    trials, better = study.trials(), [item.better for item in search.objectives]
    best = choose(trials, better, search.choose)
    counts: dict[str, int] = dict(sorted(Counter[str](trial.state for trial in trials).items()))
    if best is None or best.values is None:
        raise HeadraceError(_empty(found, trials))
    kept = {
        "study": found.name,
        **found.told,
        "choose": search.choose,
        "best": best.number,
        "front": [trial.number for trial in front(trials, better)],
        "trials": [trial.to_json() for trial in trials],
        "importance": study.importance(),
    }
    values = {item.metric: value for item, value in zip(search.objectives, best.values, strict=True)}
    return Tuned(found.name, store.blobs.put(canonical(kept)), best.number, best.params, values, counts)


def _empty(found: Asked, trials: Sequence[Trial]) -> Diagnostic:
    reasons = Counter(trial.reason or trial.state for trial in trials).most_common(1)
    said = f"; most often: {reasons[0][0]}" if reasons else ""
    message = f"the search of model/{found.model} has no trial that came to its end within {found.search.timeout}, of {len(trials)}{said}"
    return Diagnostic("search-empty", message, help="raise `timeout` of `tune`, or mend why the trials fail")
