"""What people write who come from other tools, and what is written here instead."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from headrace.diagnostics import Edit
from headrace.document import Entry, Mapping, Node, Scalar, Sequence

_SAME: dict[str, tuple[str, ...]] = {
    "holdout": ("test_size", "validation_size", "test_fraction", "eval_size"),
    "seed": ("random_state", "random_seed"),
    "algorithm": ("estimator", "model_type", "algo"),
    "params": ("hyperparameters", "hyperparams", "hyper_parameters", "parameters"),
    "min": ("minimum", "at_least", "gte", "greater_than", "lower_bound"),
    "max": ("maximum", "at_most", "lte", "less_than", "upper_bound"),
    "by": ("group_by", "sensitive_feature", "protected_attribute"),
    "entity": ("entities", "entity_id", "primary_key", "id_column"),
    "time": ("timestamp", "timestamp_field", "timestamp_column", "event_timestamp", "event_timestamp_column", "event_time"),
    "target": ("label", "label_column", "target_column"),
    "uri": ("path", "location", "url", "file"),
    "columns": ("schema",),
    "type": ("dtype", "data_type"),
    "from": ("batch_source", "source_column"),
    "schedule": ("cron", "schedule_interval"),
    "notify": ("channels", "notifications", "receivers"),
    "when": ("condition", "expr", "if"),
    "weight": ("setWeight", "percent", "percentage", "traffic_percent"),
    "hold": ("pause", "duration"),
    "features": ("schema", "columns", "feature_columns"),
    "method": ("stattest", "detector", "test", "statistic"),
    "rows": ("data", "dataset", "chunk_size", "window_size"),
    "every": ("interval", "chunk_period", "period"),
    "id": ("alert", "alertname", "alert_name", "dag_id", "rule", "job_name"),
    "judge": ("analysis",),
    "estimate": ("estimator",),
    "learning_rate": ("eta", "shrinkage_rate"),
    "n_estimators": ("num_boost_round", "num_iterations", "num_trees", "num_rounds", "iterations"),
    "min_child_samples": ("min_data_in_leaf",),
    "colsample_bytree": ("feature_fraction",),
    "subsample": ("bagging_fraction",),
    "subsample_freq": ("bagging_freq",),
    "reg_alpha": ("lambda_l1",),
    "reg_lambda": ("lambda_l2",),
    "min_split_gain": ("min_gain_to_split",),
}
SAME: dict[str, tuple[str, ...]] = {
    foreign: tuple(ours for ours, known in _SAME.items() if foreign in known) for words in _SAME.values() for foreign in words
}
"""Keys that have another name here, which is one of these wherever that is a key."""

_THREADS = "remove it: training runs in one thread, so that the same rows give the same model"
_SILENT = "remove it: nothing here listens to it"
_JUDGED = "remove it: `gates` say by which metrics a candidate is judged"
_PARAMS = {
    **dict.fromkeys(("n_jobs", "num_threads", "nthread", "n_threads", "thread_count"), _THREADS),
    **dict.fromkeys(("verbose", "verbosity", "silent"), _SILENT),
    **dict.fromkeys(("metric", "eval_metric", "scoring"), _JUDGED),
    "objective": "remove it: the algorithm says the task",
}
_ANYWHERE = {
    "apiVersion": "remove it: `language: 1` of the project says how all its documents are read",
    "shuffle": "remove it: `by: random` deals the rows, and the same row to the same side every time",
    "depends_on": "remove it: what a document names comes before it",
    "ttl": "remove it: `over` of a feature says how far it looks back",
    "count": "remove it: one document is one thing",
    "catchup": "remove it: a tick that was missed is not made up for",
    "retries": "remove it: what fails is tried again by itself",
    "greater_is_better": "remove it: a metric knows itself which way is better",
    "experiment_name": "remove it: runs and versions are kept under the model's own name",
    "run_name": "remove it: runs and versions are kept under the model's own name",
    "registered_model_name": "remove it: runs and versions are kept under the model's own name",
    "flavor": "remove it: the algorithm says in which format its models are kept",
    "tracking_uri": "remove it: an environment's `store` says where runs are recorded",
    "online": "remove it: a model is served with the features that it was trained on",
    "namespace": "remove it, or write it under `labels`",
    "resources": "remove it: what a server may take is said where it is run",
    "on": "write `schedule` or `when` in an item of `retraining`",
    "provider": "remove it: an environment says where things are kept",
}
_WRAPPERS = ("spec", "metadata", "resource")
"""Keys of other tools whose content stands here where they stand."""
_BOUNDS = ("threshold", "value", "bound", "limit")
_PART = re.compile(r"\d+( .*)?")
"""What stands behind the comma of a number that was written with one."""
_BOUND = re.compile(r"\s*(<=|>=|=<|=>|<|>|≤|≥)?\s*(-?\d+(?:\.\d+)?)\s*(%)?\s*")


@dataclass(frozen=True, slots=True)
class Instead:
    """What to write for a key of another tool."""

    help: str
    rename: str | None = None
    opens: bool = False
    """Whether what stands below it belongs where it stands."""
    edits: tuple[Edit, ...] = ()


def instead(entry: Entry, owner: str, free: Collection[str]) -> Instead | None:  # noqa: PLR0911 - one line a way to be meant
    """What to write for a key in a mapping that the user calls `owner`, of which these keys are free; None for a key that nobody knows."""
    key, value = entry.key, entry.value
    ours = next((word for word in SAME.get(key, ()) if word in free), None)
    params = owner.startswith("params of ")
    if ours is not None:
        return Instead(f"write `{ours}`", ours)
    if key in _SAME["seed"] or (params and key == "seed"):
        return Instead(f"write `seed: {said(value)}` in `training`")
    if (params or owner == "training") and key in _PARAMS:
        return Instead(_PARAMS[key])
    if owner == "drift" and key in _BOUNDS:
        return Instead(f"write for example `effect: {{warning: {said(value)}, critical: 0.25}}`")
    if _PART.fullmatch(key):
        return Instead("a `,` parts two items within `{}`: write a decimal with a point, and thousands without a comma")
    if key in _BOUNDS and {"min", "max"} <= set(free):
        return _bound(entry)
    if key in _WRAPPERS and owner.startswith("this ") and isinstance(value, Mapping):
        return Instead(f"remove `{key}:` and indent the rest one level less", opens=True)
    if key == "version" and owner.startswith("this "):
        return Instead("remove it: each training makes a version of its own, and `language: 1` of the project says how specs are read")
    return Instead(_ANYWHERE[key]) if key in _ANYWHERE else None


def said(node: Node) -> str:
    """A value as it was written, where it stands on one line."""
    return node.text if isinstance(node, Scalar) else "…"


def _bound(entry: Entry) -> Instead:
    """`threshold: "<= 0.2"` as `max: 0.2`."""
    found = _BOUND.fullmatch(entry.value.text) if isinstance(entry.value, Scalar) else None
    number = f"{float(found[2]) / 100:g}" if found and found[3] else found[2] if found else "0.8"
    if found is None or found[1] is None:
        return Instead(f"write `min: {number}` for the least value that passes, or `max: {number}` for the greatest")
    word = "max" if found[1][0] in "<≤" or found[1] == "=<" else "min"
    edits = (Edit(entry.key_span, word), Edit(entry.value.span, number))
    return Instead(f"write `{word}: {number}`", edits=edits)


def document(node: Mapping) -> str | None:
    """What to write for a document that other tools would take."""
    for word in ("models", "sources", "feature_views"):
        entry = node.get(word)
        if entry is not None and isinstance(entry.value, Sequence):
            first = entry.value.items[0] if entry.value.items else None
            named = first.get("name") if isinstance(first, Mapping) else None
            name = said(named.value) if named is not None else "NAME"
            kind = word[:-1]
            return (
                f"here one document is one thing: write `kind: {kind}` and `name: {name}` without the list, and `---` before the next; "
                f"`headrace explain {kind}` says what else it has"
            )
    return None
