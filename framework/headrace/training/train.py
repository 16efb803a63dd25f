"""From a snapshot of rows to a registered candidate, with its baseline, profile and evaluation."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from headrace import registry
from headrace.hooks import Answers, Input, Plugins, Signature, Task
from headrace.hooks.release import releases
from headrace.registry import Version
from headrace.stats import bins
from headrace.store import Store, digest
from headrace.training.fit import Fitted, Sides, evaluate, fit, offered
from headrace.training.lineage import code_digest, environment_digest
from headrace.training.targets import classes_of, refuse
from headrace.training.values import Baseline, Candidate, Material
from headrace.transforms import Transformation

if TYPE_CHECKING:
    import pandas as pd

PREDICTION = "prediction"
"""The column, and the name in the profile, of what the model answers."""
USUAL: Mapping[Task, str] = {
    "binary": "baseline.majority",
    "multiclass": "baseline.majority_multiclass",
    "regression": "baseline.mean",
    "quantile": "baseline.quantile",
}
"""The baseline of a model for which none is chosen."""
_NOBODY: Mapping[str, str] = {}


def train(
    store: Store,
    plugins: Plugins,
    rows: Material,
    *,
    actor: str,
    algorithm: str,
    params: Mapping[str, Any],
    seed: int,
    baseline: Baseline | None = None,
    transforms: Sequence[Transformation] = (),
    through: Mapping[str, str] = _NOBODY,
) -> Candidate:
    """Fit, evaluate on the held-out rows, and register; a run that has registered already gives the same candidate again.

    Categories are those of the training side. Kept beside the model: the profile of the training rows, the held-out rows with their answers
    and predictions (`reference`), the baseline's model. `through` are the releases of the plugins that the rows came through; the manifest
    has them beside those of the algorithms, where they are not ours. HeadraceError: those of `fit`, `artifact-altered` of the rows.
    """
    with store.read() as session:
        made = registry.by_run(session, rows.run_id)
    if made is not None:
        return _candidate(made)
    frame = _read(store.blobs.get(rows.digest))
    training, held = frame[frame["side"] == "train"], frame[frame["side"] == "holdout"]
    signature = _signature(rows, training)
    task = offered(plugins, algorithm).task
    sides = _sides(rows, signature, training, held, task)
    fitted = fit(plugins, sides, algorithm=algorithm, params=params, signature=signature, seed=seed, transforms=transforms)
    manifest = {
        "params": fitted.params,
        "signature": signature.to_json(),
        "target": rows.target,
        **fitted.answers.to_json(),
        "seed": seed,
        "as_of": rows.as_of,
        "digests": {
            "data": rows.digest,
            "spec": _told(rows, algorithm, params, seed, baseline, transforms),
            "code": code_digest([fitted.algorithm.fit.partition(":")[0]]),
            "environment": environment_digest(),
        },
        **evaluate(plugins.metrics, fitted.answers, sides.holdout_target, fitted.holdout).to_json(),
        "reference": _reference(store, rows, held, fitted),
        "profile": _profile(store, signature, training, fitted),
        "baseline": _plain(store, plugins, baseline or _usual(plugins, fitted), sides, signature, seed),
        "rows": {"train": rows.train, "holdout": rows.holdout, "new": rows.new},
        **({"transforms": [_step(step) for step in transforms]} if transforms else {}),
        **({"sources": dict(rows.sources)} if rows.sources else {}),
    }
    algorithms = [algorithm, *([baseline.algorithm] if baseline is not None else [])]
    used = [*(("algorithm", name) for name in algorithms), *(("transform", step.transform) for step in transforms)]
    if made_by := {**through, **releases(plugins, used)}:
        manifest["plugins"] = made_by
    version = registry.register(
        store,
        actor=actor,
        model=rows.model,
        run_id=rows.run_id,
        manifest=manifest,
        model_bytes=fitted.data,
        algorithm=algorithm,
        format=f"headrace-transforms+{fitted.algorithm.format}" if transforms else fitted.algorithm.format,
        at=store.clock.now(),
    )
    return _candidate(version)


def _usual(plugins: Plugins, fitted: Fitted) -> Baseline | None:
    """The baseline where nobody chose one: what is usual in the training rows, whatever the inputs."""
    name = USUAL[fitted.answers.task]
    levels = {"quantiles": list(fitted.answers.quantiles)} if fitted.answers.quantiles else {}
    return Baseline(name, levels) if name in plugins.algorithms else None


def _plain(  # noqa: PLR0917 - what the model itself was fitted with
    store: Store, plugins: Plugins, baseline: Baseline | None, sides: Sides, signature: Signature, seed: int
) -> dict[str, Any] | None:
    """The baseline fitted beside the model, as the manifest holds it."""
    if baseline is None:
        return None
    beside = fit(plugins, sides, algorithm=baseline.algorithm, params=baseline.params, signature=signature, seed=seed)
    return _beside(store, plugins, baseline, beside, sides)


def _sides(rows: Material, signature: Signature, training: pd.DataFrame, held: pd.DataFrame, task: Task) -> Sides:
    """Both sides in numbers; HeadraceError where the task cannot be learned from these answers."""
    classes = classes_of(training[rows.target]) if task == "multiclass" else ()
    refuse(rows.model, rows.target, task, classes, training=training[rows.target], held=held[rows.target])
    answers = Answers(task, classes)
    return Sides(
        train=signature.encode(training),
        train_target=answers.target(training[rows.target]),
        holdout=signature.encode(held),
        holdout_target=answers.target(held[rows.target]),
        classes=classes,
    )


def _told(  # noqa: PLR0917 - all that a spec says of a training
    rows: Material, algorithm: str, params: Mapping[str, Any], seed: int, baseline: Baseline | None, transforms: Sequence[Transformation]
) -> str:
    """The digest of all that the spec says of this training; defaults that nobody wrote are no part of it."""
    plain = None if baseline is None else {"algorithm": baseline.algorithm, "params": dict(baseline.params)}
    told = {"rows": rows.spec, "algorithm": algorithm, "params": dict(params), "seed": seed, "baseline": plain}
    return digest(_canonical(told | ({"transforms": [_step(step) for step in transforms]} if transforms else {})))


def _step(step: Transformation) -> dict[str, Any]:
    return asdict(step) | {"columns": None if step.columns is None else list(step.columns), "params": dict(step.params)}


def _beside(store: Store, plugins: Plugins, baseline: Baseline, fitted: Fitted, sides: Sides) -> dict[str, Any]:
    """The fitted baseline: what it is, where its model is kept, how it does on the held-out rows."""
    measured = evaluate(plugins.metrics, fitted.answers, sides.holdout_target, fitted.holdout).to_json()
    return {"algorithm": baseline.algorithm, "params": fitted.params, "digest": store.blobs.put(fitted.data), **measured}


def _candidate(version: Version) -> Candidate:
    return Candidate(version.model, version.number, version.run_id, version.manifest_digest, dict(version.manifest["metrics"]))


def _read(data: bytes) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(data))


def _signature(rows: Material, training: pd.DataFrame) -> Signature:
    """The inputs as the training side has them: categories, sorted, and whether any is missing. What only held-out rows have is unseen."""
    items = []
    for item in Signature.from_json(rows.inputs).inputs:
        seen = tuple(sorted(training[item.name].dropna().unique())) if item.type == "category" else ()
        items.append(Input(item.name, item.type, seen, item.low, item.high, missing=bool(training[item.name].isna().any())))
    return Signature(tuple(items))


def _reference(store: Store, rows: Material, held: pd.DataFrame, fitted: Fitted) -> str:
    """The held-out rows with entity, time, inputs, answer and `prediction` (of several numbers the short form), as Parquet."""
    out = io.BytesIO()
    columns = [rows.entity, rows.time, *(item["name"] for item in rows.inputs), rows.target]
    held[columns].assign(**{PREDICTION: fitted.answers.short(fitted.holdout)}).to_parquet(out, index=False, compression="zstd")
    return store.blobs.put(out.getvalue())


def _profile(store: Store, signature: Signature, training: pd.DataFrame, fitted: Fitted) -> str:
    """The bins of every input and of the predictions over the training rows, as JSON; classes are counted as they were answered."""
    columns: dict[str, Literal["number", "category"]] = {item.name: item.type for item in signature.inputs}
    columns[PREDICTION] = "category" if fitted.answers.task == "multiclass" else "number"
    made = bins.profile(columns, training.assign(**{PREDICTION: fitted.answers.short(fitted.train)}))
    return store.blobs.put(_canonical(made.to_json()))


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - JSON
    import rfc8785

    return rfc8785.dumps(value)
