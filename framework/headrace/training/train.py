"""From a snapshot of rows to a registered candidate, with its baseline, profile and evaluation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace import registry
from headrace.hooks import Input, Plugins, Signature
from headrace.registry import Version
from headrace.stats import bins
from headrace.store import Store, digest
from headrace.training.fit import Fitted, Sides, evaluate, fit
from headrace.training.lineage import code_digest, environment_digest
from headrace.training.values import Baseline, Candidate, Material

if TYPE_CHECKING:
    import pandas as pd

PREDICTION = "prediction"
"""The column, and the name in the profile, of what the model answers."""


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
) -> Candidate:
    """Fit, evaluate on the held-out rows, and register; a run that has registered already gives the same candidate again.

    Categories are those of the training side. Kept beside the model: the profile of the training rows, the held-out rows with their answers
    and predictions (`reference`), the baseline's model. HeadraceError: those of `fit`, and `artifact-altered` of the rows.
    """
    with store.read() as session:
        made = registry.by_run(session, rows.run_id)
    if made is not None:
        return _candidate(made)
    frame = _read(store.blobs.get(rows.digest))
    training, held = frame[frame["side"] == "train"], frame[frame["side"] == "holdout"]
    signature = _signature(rows, training)
    sides = Sides(
        train=signature.encode(training),
        train_target=training[rows.target].to_numpy(dtype=float),
        holdout=signature.encode(held),
        holdout_target=held[rows.target].to_numpy(dtype=float),
    )
    fitted = fit(plugins, sides, algorithm=algorithm, params=params, signature=signature, seed=seed)
    told = {"rows": rows.spec, "algorithm": algorithm, "params": dict(params), "seed": seed, "baseline": None}
    plain = None
    if baseline is not None:
        told["baseline"] = {"algorithm": baseline.algorithm, "params": dict(baseline.params)}
        beside = fit(plugins, sides, algorithm=baseline.algorithm, params=baseline.params, signature=signature, seed=seed)
        metrics = evaluate(plugins.metrics, sides.holdout_target, beside.holdout)
        plain = {"algorithm": baseline.algorithm, "digest": store.blobs.put(beside.data), "metrics": metrics}
    manifest = {
        "params": dict(params),
        "signature": signature.to_json(),
        "target": rows.target,
        "seed": seed,
        "as_of": rows.as_of,
        "digests": {
            "data": rows.digest,
            "spec": digest(_canonical(told)),
            "code": code_digest([fitted.algorithm.fit.partition(":")[0]]),
            "environment": environment_digest(),
        },
        "metrics": evaluate(plugins.metrics, sides.holdout_target, fitted.holdout),
        "reference": _reference(store, rows, held, fitted),
        "profile": _profile(store, signature, training, fitted),
        "baseline": plain,
        "rows": {"train": rows.train, "holdout": rows.holdout, "new": rows.new},
    }
    version = registry.register(
        store,
        actor=actor,
        model=rows.model,
        run_id=rows.run_id,
        manifest=manifest,
        model_bytes=fitted.data,
        algorithm=algorithm,
        format=fitted.algorithm.format,
        at=_now(store),
    )
    return _candidate(version)


def _candidate(version: Version) -> Candidate:
    return Candidate(version.model, version.number, version.run_id, version.manifest_digest, dict(version.manifest["metrics"]))


def _now(store: Store) -> datetime:
    return store.clock.now()


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
    """The held-out rows with entity, time, inputs, answer and `prediction`, as Parquet."""
    out = io.BytesIO()
    columns = [rows.entity, rows.time, *(item["name"] for item in rows.inputs), rows.target]
    held[columns].assign(**{PREDICTION: fitted.holdout}).to_parquet(out, index=False, compression="zstd")
    return store.blobs.put(out.getvalue())


def _profile(store: Store, signature: Signature, training: pd.DataFrame, fitted: Fitted) -> str:
    """The bins of every input and of the predictions over the training rows, as JSON."""
    columns = {item.name: item.type for item in signature.inputs}
    made = bins.profile(columns | {PREDICTION: "number"}, training.assign(**{PREDICTION: fitted.train}))
    return store.blobs.put(_canonical(made.to_json()))


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - JSON
    import rfc8785

    return rfc8785.dumps(value)
