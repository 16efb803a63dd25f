"""From a snapshot of rows to the parameters that do best on its training side, with every trial kept."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Plugins, resolve
from headrace.hooks.composed import modules
from headrace.spec.params import read_params
from headrace.store import Store, digest
from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.folds import Folds, describe
from headrace.training.lineage import code, environment
from headrace.training.search.choose import choose, front
from headrace.training.search.driver import Drive, WorkerError
from headrace.training.search.memory import memory
from headrace.training.search.study import Study
from headrace.training.search.values import Search, Trial
from headrace.training.search.worker import Job
from headrace.training.train import describe_step, signature_of
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

    HeadraceError: `unknown-algorithm`, `unknown-metric`, `bad-params`, `search-empty` (no trial came to its end), `search-failed` (the
    processes do not start), and those of dealing the rows.
    """
    _refuse_unknown(plugins, algorithm, search)
    told = _described(plugins, rows, algorithm, params, seed, cv, search, early_stopping, calibrate)
    if transforms:
        told["transforms"] = [describe_step(item) for item in transforms]
    if folds is not None:
        told["folds"] = describe(folds)
    name = digest(_canonical(told))
    job = Job(
        rows=str(store.blobs.path(rows.digest)),
        root=str(store.root),
        allow=list(allow) if allow is not None else None,
        deny=list(deny),
        entity=rows.entity,
        time=rows.time,
        target=rows.target,
        signature=_signature(store, rows),
        algorithm=algorithm,
        params=dict(params),
        seed=seed,
        cv=cv,
        metrics=[item.metric for item in search.objectives],
        early_stopping=early_stopping,
        calibrate=calibrate,
        transforms=list(transforms),
        folds=folds,
        group=rows.group,
    )
    study = Study(memory(store, name), name, search, _defaults(plugins, algorithm, params))
    try:
        with tempfile.TemporaryDirectory(prefix="headrace-search-") as folder:
            file = Path(folder) / "job.json"
            job.write(file)
            Drive(study, file, search.trials, search.timeout.total_seconds(), search.workers).run()
        return _chosen(store, study, rows, name, told, search)
    except WorkerError as error:
        raise HeadraceError(Diagnostic("search-failed", f"the trials of model/{rows.model} cannot be run: {error}")) from error
    finally:
        study.close()


def _chosen(store: Store, study: Study, rows: Material, name: str, told: dict[str, Any], search: Search) -> Tuned:  # noqa: PLR0917
    trials, better = study.trials(), [item.better for item in search.objectives]
    best = choose(trials, better, search.choose)
    counts: dict[str, int] = dict(sorted(Counter[str](trial.state for trial in trials).items()))
    if best is None or best.values is None:
        raise HeadraceError(_empty(rows, trials, search))
    kept = {
        "study": name,
        **told,
        "choose": search.choose,
        "best": best.number,
        "front": [trial.number for trial in front(trials, better)],
        "trials": [trial.to_json() for trial in trials],
        "importance": study.importance(),
    }
    values = {item.metric: value for item, value in zip(search.objectives, best.values, strict=True)}
    return Tuned(name, store.blobs.put(_canonical(kept)), best.number, best.params, values, counts)


def _empty(rows: Material, trials: Sequence[Trial], search: Search) -> Diagnostic:
    reasons = Counter(trial.reason or trial.state for trial in trials).most_common(1)
    said = f"; most often: {reasons[0][0]}" if reasons else ""
    message = f"the search of model/{rows.model} has no trial that came to its end within {search.timeout}, of {len(trials)}{said}"
    return Diagnostic("search-empty", message, help="raise `timeout` of `tune`, or mend why the trials fail")


def _refuse_unknown(plugins: Plugins, algorithm: str, search: Search) -> None:
    if algorithm not in plugins.algorithms:
        there = ", ".join(sorted(plugins.algorithms))
        raise HeadraceError(
            Diagnostic("unknown-algorithm", f"no plugin offers the algorithm `{algorithm}`", help=f"there are: {there}"), Exit.INVALID
        )
    for item in search.objectives:
        if item.metric not in plugins.metrics:
            there = ", ".join(sorted(plugins.metrics))
            raise HeadraceError(
                Diagnostic("unknown-metric", f"no plugin registers the metric `{item.metric}`", help=f"there are: {there}"), Exit.INVALID
            )


def _defaults(plugins: Plugins, algorithm: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the spec with the algorithm's own where it is silent."""
    try:
        settings = read_params(resolve(plugins.algorithms[algorithm].params), params)
    except ValidationError as error:
        raise HeadraceError(Diagnostic("bad-params", f"parameters of `{algorithm}`: {error}"), Exit.INVALID) from error
    found: dict[str, Any] = settings.model_dump(mode="json", by_alias=True)
    return found


def _described(  # noqa: PLR0917 - all that a trial's value depends on
    plugins: Plugins,
    rows: Material,
    algorithm: str,
    params: Mapping[str, Any],
    seed: int,
    cv: Folds,
    search: Search,
    early_stopping: EarlyStopping | None,
    calibrate: Calibrate | None,
) -> dict[str, Any]:
    """All that the trials depend on, as JSON."""
    return {
        "data": rows.digest,
        "code": digest(code(modules(plugins, algorithm, params))),
        "environment": digest(environment()),
        "algorithm": algorithm,
        "params": dict(params),
        "seed": seed,
        "cv": describe(cv),
        "objectives": [asdict(item) for item in search.objectives],
        "space": {key: {"of": type(values).__name__, **asdict(values)} for key, values in search.space.items()},
        "sampler": asdict(search.sampler),
        "pruner": asdict(search.pruner),
        "early_stopping": early_stopping and asdict(early_stopping),
        "calibrate": calibrate and asdict(calibrate),
    }


def _signature(store: Store, rows: Material) -> list[dict[str, Any]]:
    import pandas as pd

    frame = pd.read_parquet(io.BytesIO(store.blobs.get(rows.digest)))
    return signature_of(rows, frame[frame["side"] == "train"]).to_json()


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - JSON
    import rfc8785

    return rfc8785.dumps(value)
