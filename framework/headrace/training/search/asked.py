"""What a search is asked, as one value that others can take up: the job of a trial, the space, the budget, and the digest of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.hooks import Plugins, resolve
from headrace.hooks.composed import modules
from headrace.spec.params import read_params
from headrace.store import Store
from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.folds import Folds, deal, describe
from headrace.training.grouped import of_one_time
from headrace.training.lineage import code, environment
from headrace.training.search.values import Choice, FloatRange, IntRange, Search, Values
from headrace.training.search.worker import Job
from headrace.training.train import describe_step, signature_of
from headrace.training.values import Material
from headrace.transforms import Transformation

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Asked:
    """One search; `rows` is the digest of its snapshot, `told` all that its trials depend on, and `name` the digest of that."""

    name: str
    model: str
    rows: str
    told: dict[str, Any]
    job: Job
    search: Search
    defaults: dict[str, Any]
    """The parameters of the spec, with the algorithm's own where it is silent."""

    def to_bytes(self) -> bytes:
        """As it is handed to others."""
        return TypeAdapter(Asked).dump_json(self)

    @classmethod
    def of(cls, data: bytes) -> Asked:
        """What `to_bytes` gave."""
        found = TypeAdapter(Asked).validate_json(data)
        # Whole numbers and others look alike in JSON: what each range is, `told` says.
        space: dict[str, Values] = {
            key: _RANGES[item["of"]](**{word: value for word, value in item.items() if word != "of"})
            for key, item in found.told["space"].items()
        }
        return replace(found, search=replace(found.search, space=space))


_RANGES: dict[str, Callable[..., Values]] = {kind.__name__: kind for kind in (IntRange, FloatRange, Choice)}


def asked(
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
) -> Asked:
    """A search that can be run; its words as `search`.

    HeadraceError: `unknown-algorithm`, `unknown-metric`, `bad-params`, and those of dealing the rows into the folds.
    """
    _refuse_unknown(plugins, algorithm, search)
    training = _training_side(store, rows)
    # Here, and not by a process that ends over it: every trial would meet the same.
    deal(of_one_time(training, rows.group, time=rows.time), cv, target=rows.target, time=rows.time, seed=seed)
    told = _described(plugins, rows, algorithm, params, seed, cv, search, early_stopping, calibrate)
    if transforms:
        told["transforms"] = [describe_step(item) for item in transforms]
    if folds is not None:
        told["folds"] = describe(folds)
    job = Job(
        rows="",
        root="",
        allow=list(allow) if allow is not None else None,
        deny=list(deny),
        entity=rows.entity,
        time=rows.time,
        target=rows.target,
        signature=signature_of(rows, training).to_json(),
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
    return Asked(digest(canonical(told)), rows.model, rows.digest, told, job, search, _defaults(plugins, algorithm, params))


def canonical(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """Equal values are equal bytes."""
    import rfc8785

    return rfc8785.dumps(value)


def _training_side(store: Store, rows: Material) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_parquet(io.BytesIO(store.blobs.get(rows.digest)))
    return frame[frame["side"] == "train"]


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
