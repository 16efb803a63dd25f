"""From a snapshot of rows to a registered candidate, with its baseline, profile and evaluation."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from headrace import registry
from headrace.digest import digest
from headrace.hooks import Answers, Input, Plugins, Signature, Task
from headrace.hooks.composed import everything, modules
from headrace.hooks.release import releases
from headrace.registry import Version
from headrace.stats import bins
from headrace.store import Store
from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.checkpoint import Checkpoint
from headrace.training.fit import Fitted, Sides, evaluate, fit, offered
from headrace.training.folds import Folds, describe
from headrace.training.grouped import in_order, of_one_time
from headrace.training.lineage import code, environment, machine
from headrace.training.make import Dealt, Keys, Made, Recipe, Told, cross_validate, inner_folds, make
from headrace.training.targets import classes_of, grouped, refuse
from headrace.training.values import Baseline, Candidate, Material, Tuned
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
    "ranking": "baseline.random_order",
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
    early_stopping: EarlyStopping | None = None,
    cv: Folds | None = None,
    calibrate: Calibrate | None = None,
    folds: Folds | None = None,
    tuned: Tuned | None = None,
    step: Told | None = None,
    through: Mapping[str, str] = _NOBODY,
    said: registry.Declared | None = None,
) -> Candidate:
    """Fit, evaluate on the held-out rows, and register; a run that has registered already gives the same candidate again.

    `tuned` are parameters that a search has chosen, which go before `params`; a search's course depends on who was faster, this training
    depends on nothing but what the manifest names. `folds` are for an algorithm that learns
    from folds of its rows. With `cv` the same recipe is evaluated on folds of the training side as well. `step` is
    called after each step of an algorithm that is watched; a run that was killed goes on from its last checkpoint.

    Categories are those of the training side. Kept beside the model: the profile (of the training rows' inputs and of the answers to the
    held-out rows), the held-out rows with their answers and predictions (`reference`), the baseline's model. `through` are the releases of
    the plugins that the rows came through; the manifest has them beside those of the algorithms, where they are not ours. `said` is what
    the project says of the model for its card. HeadraceError: those of `fit`, `artifact-altered` of the rows.
    """
    with store.read() as session:
        before = registry.by_run(session, rows.run_id)
    if before is not None:
        return _candidate(before)
    recipe = Recipe(
        algorithm, dict(params) | tuned.params if tuned is not None else params, seed, early_stopping, calibrate, transforms, folds
    )
    asked = _Asked(recipe, baseline, cv, tuned)
    work = _work(store, plugins, rows, algorithm)
    made_of = _made_of(work, asked)
    checkpoint = Checkpoint.of_run(store.root, rows.run_id, digest(_canonical(made_of)))
    made = make(plugins, work.sides, work.training, work.keys, recipe, work.signature, step=step, checkpoint=checkpoint)
    manifest = _manifest(work, asked, made, made_of)
    parts = everything(plugins, algorithm, recipe.params)
    beside = everything(plugins, baseline.algorithm, baseline.params) if baseline is not None else ()
    used = [*(("algorithm", item.algorithm) for item in (*parts, *beside)), *(("transform", item.transform) for item in transforms)]
    if made_by := {**through, **releases(plugins, used)}:
        manifest["plugins"] = made_by
    version = registry.register(
        store,
        actor=actor,
        model=rows.model,
        run_id=rows.run_id,
        manifest=manifest,
        model_bytes=made.fitted.data,
        algorithm=algorithm,
        format=made.format,
        at=store.clock.now(),
        said=said,
        unsafe=plugins.unsafe,
    )
    checkpoint.drop()
    return _candidate(version)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the spec says of a training beside its rows."""

    recipe: Recipe
    baseline: Baseline | None
    cv: Folds | None
    tuned: Tuned | None


@dataclass(frozen=True, slots=True)
class _Work:
    """The rows of a training as it works with them."""

    store: Store
    plugins: Plugins
    rows: Material
    training: pd.DataFrame
    held: pd.DataFrame
    signature: Signature
    sides: Sides
    keys: Keys


def _work(store: Store, plugins: Plugins, rows: Material, algorithm: str) -> _Work:
    frame = in_order(_read(store.blobs.get(rows.digest)), rows.group, entity=rows.entity, time=rows.time)
    training, held = frame[frame["side"] == "train"], frame[frame["side"] == "holdout"]
    signature = signature_of(rows, training)
    sides = _sides(rows, signature, training, held, offered(plugins, algorithm).task)
    together = of_one_time(training, rows.group, time=rows.time)
    return _Work(store, plugins, rows, together, held, signature, sides, Keys(rows.group or rows.entity, rows.time, rows.target))


def _made_of(work: _Work, asked: _Asked) -> dict[str, str]:
    """The digests of all that goes into the model; code and environment are kept whole, so that a retrain can say what is another."""
    recipe = asked.recipe
    return {
        "data": work.rows.digest,
        "spec": _told(work.rows, recipe, asked.baseline, asked.cv, asked.tuned),
        "code": work.store.blobs.put(code(modules(work.plugins, recipe.algorithm, recipe.params))),
        "environment": work.store.blobs.put(environment()),
    }


def _manifest(work: _Work, asked: _Asked, made: Made, made_of: Mapping[str, str]) -> dict[str, Any]:
    """All that is kept of a version, but its plugins."""
    store, plugins, rows, sides, signature, fitted = work.store, work.plugins, work.rows, work.sides, work.signature, made.fitted
    recipe, baseline = asked.recipe, asked.baseline or _usual(plugins, fitted)
    return {
        "params": fitted.params,
        "signature": signature.to_json(),
        "target": rows.target,
        **({"group": rows.group} if rows.group is not None else {}),
        **fitted.answers.to_json(),
        "seed": recipe.seed,
        "as_of": rows.as_of,
        "digests": dict(made_of),
        "machine": machine(),
        **evaluate(plugins.metrics, fitted.answers, sides.holdout_target, fitted.holdout, sides.holdout_group).to_json(),
        "reference": _reference(store, rows, work.held, fitted),
        "profile": _profile(store, signature, work.training, fitted),
        "baseline": _plain(work, recipe, baseline),
        "rows": {"train": rows.train, "holdout": rows.holdout, "new": rows.new},
        **({"sources": dict(rows.sources)} if rows.sources else {}),
        **({"transforms": [describe_step(item) for item in recipe.transforms]} if recipe.transforms else {}),
        **({"components": _components(fitted)} if fitted.components else {}),
        **({"folds": describe(recipe.folds)} if recipe.folds is not None else {}),
        **made.told,
        **_validated(work, recipe, asked.cv),
        **({"tuned": asked.tuned.to_json()} if asked.tuned is not None else {}),
    }


def _validated(work: _Work, recipe: Recipe, cv: Folds | None) -> dict[str, Any]:
    """What cross-validation of the recipe on the training side says, as the manifest holds it."""
    if cv is None:
        return {}
    dealt = Dealt.of(work.plugins, work.sides, work.training, work.keys, work.signature, how=cv, seed=recipe.seed)
    return {"cv": {"by": describe(cv), "metrics": cross_validate(dealt, recipe, work.plugins.metrics).to_json()}}


def _components(fitted: Fitted) -> list[dict[str, Any]]:
    """The parts of an ensemble as a manifest has them; their bytes stand in the model's own."""
    return [
        {"id": part.id, "algorithm": part.algorithm, "params": dict(part.params), "digest": digest(part.data), "bytes": len(part.data)}
        for part in fitted.components
    ]


def _usual(plugins: Plugins, fitted: Fitted) -> Baseline | None:
    """The baseline where nobody chose one: what is usual in the training rows, whatever the inputs."""
    name = USUAL[fitted.answers.task]
    levels = {"quantiles": list(fitted.answers.quantiles)} if fitted.answers.quantiles else {}
    return Baseline(name, levels) if name in plugins.algorithms else None


def _plain(work: _Work, recipe: Recipe, baseline: Baseline | None) -> dict[str, Any] | None:
    """The baseline fitted beside the model, as the manifest holds it; of the model's transforms it has those that it cannot do without."""
    if baseline is None:
        return None
    beside = fit(
        work.plugins,
        work.sides,
        algorithm=baseline.algorithm,
        params=baseline.params,
        signature=work.signature,
        seed=recipe.seed,
        transforms=[step for step in recipe.transforms if work.plugins.transforms[step.transform].of == "text"],
        folds=inner_folds(work.plugins, baseline.algorithm, recipe, work.training, work.keys),
    )
    return _beside(work.store, work.plugins, baseline, beside, work.sides)


def _sides(rows: Material, signature: Signature, training: pd.DataFrame, held: pd.DataFrame, task: Task) -> Sides:
    """Both sides in numbers; HeadraceError where the task cannot be learned from these answers."""
    classes = classes_of(training[rows.target]) if task == "multiclass" else ()
    refuse(rows.model, rows.target, task, classes, training=training[rows.target], held=held[rows.target])
    answers = Answers(task, classes)
    groups = grouped(rows, task, training, held)
    return Sides(
        train=signature.encode(training),
        train_target=answers.target(training[rows.target]),
        holdout=signature.encode(held),
        holdout_target=answers.target(held[rows.target]),
        classes=classes,
        train_group=groups[0],
        holdout_group=groups[1],
    )


def _told(rows: Material, recipe: Recipe, baseline: Baseline | None, cv: Folds | None, tuned: Tuned | None) -> str:
    """The digest of all that the spec says of this training; defaults that nobody wrote are no part of it."""
    plain = None if baseline is None else {"algorithm": baseline.algorithm, "params": dict(baseline.params)}
    further = {
        "early_stopping": recipe.early_stopping and asdict(recipe.early_stopping),
        "calibrate": recipe.calibrate and asdict(recipe.calibrate),
        "cv": cv and describe(cv),
        "tuned": tuned and tuned.params,
        "transforms": [describe_step(item) for item in recipe.transforms] or None,
        "folds": recipe.folds and describe(recipe.folds),
    }
    said = {"rows": rows.spec, "algorithm": recipe.algorithm, "params": dict(recipe.params), "seed": recipe.seed, "baseline": plain}
    return digest(_canonical(said | {word: value for word, value in further.items() if value is not None}))


def describe_step(step: Transformation) -> dict[str, Any]:
    """A transform as a manifest has it."""
    return asdict(step) | {"columns": None if step.columns is None else list(step.columns), "params": dict(step.params)}


def _beside(store: Store, plugins: Plugins, baseline: Baseline, fitted: Fitted, sides: Sides) -> dict[str, Any]:
    """The fitted baseline: what it is, where its model is kept, how it does on the held-out rows."""
    measured = evaluate(plugins.metrics, fitted.answers, sides.holdout_target, fitted.holdout, sides.holdout_group).to_json()
    return {"algorithm": baseline.algorithm, "params": fitted.params, "digest": store.blobs.put(fitted.data), **measured}


def _candidate(version: Version) -> Candidate:
    return Candidate(version.model, version.number, version.run_id, version.manifest_digest, dict(version.manifest["metrics"]))


def _read(data: bytes) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(data))


def signature_of(rows: Material, training: pd.DataFrame) -> Signature:
    """The inputs as the training side has them: categories, sorted, and whether any is missing. What only held-out rows have is unseen."""
    items = []
    for item in Signature.from_json(rows.inputs).inputs:
        column = training[item.name]
        if item.type == "category":
            column = column.drop_duplicates()
        known = column.dropna()
        seen = tuple(sorted(known)) if item.type == "category" else ()
        items.append(Input(item.name, item.type, seen, item.low, item.high, missing=len(known) < len(column)))
    return Signature(tuple(items))


def _reference(store: Store, rows: Material, held: pd.DataFrame, fitted: Fitted) -> str:
    """The held-out rows with entity, time, inputs, answer and `prediction` as Parquet.

    Of several numbers `prediction` is the short form, and behind it stands each number as `prediction.KEY`.
    """
    out = io.BytesIO()
    group = [rows.group] if rows.group is not None else []
    columns = [rows.entity, rows.time, *group, *(item["name"] for item in rows.inputs), rows.target]
    answered = {PREDICTION: fitted.answers.short(fitted.holdout)}
    answered |= {f"{PREDICTION}.{key}": fitted.holdout[:, at] for at, key in enumerate(fitted.answers.keys)}
    held[columns].assign(**answered).to_parquet(out, index=False, compression="zstd")
    return store.blobs.put(out.getvalue())


def _profile(store: Store, signature: Signature, training: pd.DataFrame, fitted: Fitted) -> str:
    """The bins of inputs but texts over the training rows, and of predictions over the held-out ones, as JSON (decision 0016).

    Classes are counted as they were answered.
    """
    import pandas as pd

    inputs: dict[str, Literal["number", "category"]] = {item.name: item.type for item in signature.inputs if item.type != "text"}
    kind: Literal["number", "category"] = "category" if fitted.answers.task == "multiclass" else "number"
    answered = pd.DataFrame({PREDICTION: fitted.answers.short(fitted.holdout)})
    seen, said = bins.profile(inputs, training), bins.profile({PREDICTION: kind}, answered)
    return store.blobs.put(_canonical(seen.to_json() | said.to_json()))


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - JSON
    import rfc8785

    return rfc8785.dumps(value)
