"""What people write as keys who come from other tools, and what is written here instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from headrace.diagnostics import Edit
from headrace.document import Entry, Mapping, Scalar, Sequence, write_flow
from headrace.spec.foreign_check import of_check
from headrace.spec.foreign_section import Instead, of_section, said, snake
from headrace.spec.plain import plain
from headrace.spec.wording import choice

_SAME: dict[str, tuple[str, ...]] = {
    "holdout": ("test_size", "validation_size", "test_fraction", "eval_size"),
    "seed": ("random_state", "random_seed"),
    "algorithm": ("estimator", "model_type", "algo", "classifier", "model_class"),
    "params": ("hyperparameters", "hyperparams", "hyper_parameters", "parameters", "kwargs"),
    "min": ("minimum", "at_least", "gte", "greater_than", "lower_bound"),
    "max": ("maximum", "at_most", "lte", "less_than", "upper_bound"),
    "by": ("reviewers", "group", "group_by", "sensitive_feature", "protected_attribute"),
    "entity": ("entities", "entity_id", "primary_key", "id_column"),
    "time": ("timestamp", "timestamp_field", "timestamp_column", "event_timestamp", "event_timestamp_column", "event_time"),
    "target": ("label", "label_column", "target_column"),
    "uri": ("path", "location", "url", "file"),
    "url": ("webhook_url", "hook_url", "webhookUrl", "endpoint_url"),
    "columns": ("schema",),
    "type": ("dtype", "data_type", "value_type", "datatype"),
    "from": ("batch_source", "source_column", "source", "old", "start", "start_date"),
    "to": ("new", "end", "end_date", "environment", "target_environment"),
    "schedule": ("cron", "schedule_interval", "timetable", "cron_expression"),
    "notify": ("channels", "notifications", "receivers", "recipients", "notification_channels", "to", "contact_points"),
    "when": ("condition", "expr", "if"),
    "weight": ("setWeight", "percent", "percentage", "traffic_percent", "canaryTrafficPercent"),
    "hold": ("pause", "duration"),
    "features": ("schema", "columns", "feature_columns", "column_names"),
    "method": ("continuous_methods", "categorical_methods", "stattest", "detector", "test", "statistic"),
    "rows": ("data", "dataset", "chunk_size", "window_size", "entity_df", "spine"),
    "every": ("interval", "chunk_period", "period"),
    "id": ("alert", "alertname", "alert_name", "dag_id", "rule", "job_name"),
    "judge": ("analysis", "metrics", "analyses"),
    "ceiling": ("threshold", "failure_threshold", "max_rate"),
    "combine": ("method", "voting", "aggregation"),
    "environment": ("env",),
    "python": ("run", "callable", "python_callable", "script", "entrypoint", "function"),
    "empty": ("default", "fill_value", "fillna", "default_value"),
    "match": ("if", "when", "conditions", "condition", "clauses"),
    "rules": ("targeting", "targeting_rules"),
    "risk": ("risk_level", "tier"),
    "effect": ("thresholds", "threshold"),
    "maximize": ("scoring", "objective_metric"),
    "space": ("param_grid", "search_space", "param_distributions", "param_space", "params"),
    "trials": ("n_trials", "n_iter", "max_trials"),
    "available_at": ("loaded_at_field", "created_timestamp_column", "ingested_at"),
    "use": ("feature_service", "feature_views", "feature_refs", "feature_view"),
    "replay": ("data", "dataset"),
    "mean": ("avg", "average"),
    "distinct": ("nunique", "n_unique", "count_distinct", "approx_count_distinct"),
    "over": ("window", "window_size", "time_window", "lookback", "rolling"),
    "where": ("filter", "filters", "row_filter"),
    "expression": ("sql", "formula", "transform", "transformation"),
    "values": ("accepted_values", "value_set", "allowed_values", "in_set", "enum"),
    "pattern": ("regex", "match_regex", "matches"),
    "fresh_within": ("freshness", "max_age", "staleness", "loaded_at_within"),
    "checks": ("tests", "data_tests", "expectations", "constraints", "assertions"),
    "description": ("doc", "docs", "summary", "comment", "help"),
    "labels": ("tags", "meta"),
    "owner": ("owners", "team", "maintainer", "author", "responsible"),
    "cooldown": ("min_interval", "debounce", "throttle"),
    "severity": ("level", "priority"),
    "delay": ("label_delay", "lag"),
    "gap": ("embargo", "purge"),
    "detect": ("mde", "minimum_detectable_effect", "min_effect", "lift"),
    "guardrails": ("guardrail_metrics", "secondary", "secondary_metrics"),
    "primary": ("goal", "goals", "primary_metric", "success_metric", "goal_metrics"),
    "arms": ("variations", "variants", "treatments"),
    "unit": ("hash_attribute", "hashAttribute", "randomization_unit", "bucket_by", "stickiness", "sticky_by"),
    "coverage": ("traffic_allocation", "exposure", "allocation"),
    "design": ("statsEngine", "stats_engine"),
    "bake": ("bake_time", "soak"),
    "no_data": ("noData", "on_no_data", "nodata"),
    "for": ("duration", "runtime", "pending_period", "consecutive"),
    "store": ("backend", "registry", "state", "state_store", "metadata_store"),
    "blobs": ("artifact_store", "artifacts", "artifact_root", "artifact_location", "bucket"),
    "input": ("inputs",),
    "output": ("sink", "destination", "outputs"),
    "members": ("users", "models"),
    "quorum": ("required_approvals", "min_approvals"),
    "default": ("defaultValue", "default_value", "default_variant"),
    "variants": ("variations",),
    "enabled": ("active", "is_active"),
    "monitoring": ("monitor", "monitors", "observability"),
    "retraining": ("triggers", "retrain"),
    "serving": ("endpoint", "inference"),
    "rollout": ("deployment", "canary"),
    "gates": ("evaluation", "validation", "thresholds"),
    "training": ("train", "trainer"),
    "experiment": ("ab_test", "abtest"),
    "governance": ("approval",),
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
    "nullable": "remove it: a check of the source says how much may be missing, such as `{id: full, column: NAME, missing: 0%}`",
    "primary_key": "remove it: a check of the source says it, such as `{id: once, unique: [NAME]}`",
    "dag_id": "remove it: `name` says it",
    "reference": "remove it: the rows of the training are what a window is compared with",
    **dict.fromkeys(("y_pred", "y_pred_proba", "y_true", "problem_type"), "remove it: the model's own sections say it"),
    **dict.fromkeys(("autoPromotion", "autoPromotionEnabled", "autoPromotionSeconds"), "remove it: the judge promotes, or rolls back"),
    **dict.fromkeys(("maxSurge", "maxUnavailable"), "remove it: `steps` say how much of the traffic a candidate has"),
    "hypothesis": "remove it, or make it a comment",
    "image": "remove it: the server is Headrace's own",
    "template": "remove it: the server is Headrace's own",
    "selector": "remove it: a section belongs to the model that it stands in",
    "runs-on": "remove it: where a flow runs, its deployment says",
    "jobs": "remove it: a model's sections are its jobs",
    "start_date": "remove it: a schedule begins when it is applied",
    "default_args": "remove it: what fails is tried again by itself",
    "lifecycle": "remove it: what leaves the files is retired, and never destroyed at once",
    "required_providers": "remove it: `plugins: {allow: […]}` of the project says which plugins take part",
    "materialized": "remove it: what is stored and when, Headrace decides",
    "batch_engine": "remove it: what is stored and when, Headrace decides",
    "on": "write `schedule` or `when` in an item of `retraining`",
    "provider": "remove it: an environment says where things are kept",
}
_OF_DOCUMENTS = ("apiVersion", "count", "depends_on", "jobs", "lifecycle", "materialized", "required_providers", "runs-on")
"""Those of them that speak of a whole document."""
_WRAPPERS = ("spec", "metadata", "resource")
"""Keys of other tools whose content stands here where they stand."""
_BOUNDS = ("threshold", "value", "bound", "limit")
_JOINED = re.compile(r"([A-Za-z_]\w*):([^\s:].*)")
"""`min:0.75` within `{}`, which YAML reads as one word."""
_PART = re.compile(r"\d+( .*)?")
"""What stands behind the comma of a number that was written with one."""
_BOUND = re.compile(r"\s*(<=|>=|=<|=>|<|>|≤|≥)?\s*(-?\d+(?:\.\d+)?)\s*(%)?\s*")


def instead(entry: Entry, owner: str, free: Collection[str], around: Mapping) -> Instead | None:
    """What to write for a key in a mapping that the user calls `owner`, of which these keys are free; None for a key that nobody knows."""
    key = entry.key
    here = of_section(entry, owner, free, around)
    if here is not None:
        return here
    dotted = (
        _analysed(entry, free)
        or _dotted(entry, free, around)
        or of_check(entry, free, around)
        or _aggregated(entry, free, around)
        or _ranged(entry, free, around)
    )
    if dotted is not None:
        return dotted
    ours = next((word for word in _said_here(key) if word in free), None)
    if ours is not None:
        return Instead(f"write `{ours}`", ours)
    found = _of_training(entry, owner, free) or _of_value(entry, owner, free) or _of_document(entry, owner)
    if found is None and key in _ANYWHERE and (key not in _OF_DOCUMENTS or owner.startswith("this ")):
        return Instead(_ANYWHERE[key])
    return found


def _said_here(key: str) -> tuple[str, ...]:
    """The keys that a key of another tool may be, however its words are joined."""
    return SAME.get(key) or SAME.get(snake(key), ())


_BEFORE = {"training": "features", "gates": "training"}
"""What comes before each of a model's own steps."""
_MODEL = {
    "X": "name a view's features in `features`, such as `use: {VIEW: all}`",
    "y": "write `target: {{column: {value}, delay: 30d}}` in `features`",
    "model": "write `training: {{algorithm: NAME}}`; `headrace plugins list` has the names",
    "train_test_split": "write `split: {by: random, holdout: 20%}` in `training`",
    "metrics": "write a gate for each in `gates`, such as `{id: quality, metric: roc_auc, min: 0.8}`",
    "threshold": "write it as `min` or `max` of a gate in `gates`",
}
"""What stands at the top of a model elsewhere."""


_LOSSES = {
    **dict.fromkeys(("mae", "l1", "regression_l1", "mean_absolute_error", "absolute_error"), "regression_l1"),
    **dict.fromkeys(("mse", "l2", "rmse", "regression", "regression_l2", "mean_squared_error", "squared_error"), "regression"),
    **{word: word for word in ("huber", "poisson", "tweedie")},
}
"""What a loss is called elsewhere, and by LightGBM."""


def _of_training(entry: Entry, owner: str, free: Collection[str]) -> Instead | None:
    """Parameters that no algorithm has here."""
    key, params = entry.key, owner.startswith("params of ")
    loss = _LOSSES.get(said(entry.value).casefold().removeprefix("reg:")) if key in ("objective", "loss_function", "criterion") else None
    if loss is not None and params and "loss" in free:
        return Instead(f"write `loss: {loss}`")
    if loss is not None and owner == "training":
        return Instead(f"a loss is a parameter of the algorithm: write `params: {{loss: {loss}}}`, which `lightgbm.regressor` has")
    if key in _SAME["seed"] or (params and key == "seed"):
        return Instead(f"write `seed: {said(entry.value)}` in `training`")
    return Instead(_PARAMS[key]) if (params or owner == "training") and key in _PARAMS else None


def _of_value(entry: Entry, owner: str, free: Collection[str]) -> Instead | None:  # noqa: PLR0911 - one line a habit
    """Bounds, and what is no key at all."""
    key = entry.key
    if key in SAME and "type" in SAME[key] and {"column", "expression"} & set(free):
        return Instead("remove it: a feature has the type of its column")
    if key == "before" and "after" in free:
        return Instead(f"write `after: {_BEFORE.get(said(entry.value), 'features')}`")
    if key == "max" and {"ceiling", "over"} <= set(free):
        share = isinstance(entry.value, Scalar) and (
            entry.value.text.endswith("%") or re.fullmatch(r"0\.\d+", entry.value.text) is not None
        )
        return _ceiling(entry) if share else _over(entry)
    if owner == "retirement" and key in ("after", "idle_for", "unused_for"):
        return Instead(f"write `when: {{no_traffic: {said(entry.value)}}}`", explains=("when",))
    edge = re.fullmatch(r"(min|max)_(\w+)", snake(key))
    if edge is not None and edge[2] in free and {"min", "max"} & set(snake(key).split("_")):
        return Instead(f"write `{edge[2]}: {{{edge[1]}: {said(entry.value)}}}`")
    if owner == "drift" and key in _BOUNDS:
        return Instead(f"write for example `effect: {{warning: {said(entry.value)}, critical: 0.25}}`")
    if _PART.fullmatch(key):
        return Instead("a `,` parts two items within `{}`: write a decimal with a point, and thousands without a comma")
    joined = _JOINED.fullmatch(key) if isinstance(entry.value, Scalar) and entry.value.value is None else None
    if joined is not None and joined[1] in free:
        text = f"{joined[1]}: {joined[2]}"
        return Instead(f"a space is missing after `:`: write `{text}`", edits=(Edit(entry.key_span, text),), explains=(joined[1],))
    return _bound(entry) if key in _BOUNDS and {"min", "max"} <= set(free) else None


_CONDITION = re.compile(r"^\s*(?:result(?:\[0\])?|\w+)\s*(<=?|>=?)\s*(\d*\.?\d+)\s*$")


def _analysed(entry: Entry, free: Collection[str]) -> Instead | None:
    """A condition of Argo's analysis as a judge of errors: `error_rate < 0.05`, or a share of successes that it must reach."""
    if entry.key not in ("analysis", "analyses") or "judge" not in free:
        return None
    for text in _texts(plain(entry.value)):
        found = _CONDITION.match(text)
        if found is None or not 0 < float(found[2]) < 1:
            continue
        share = float(found[2]) if found[1].startswith("<") else 1 - float(found[2])
        return Instead(f"write `judge: [{{metric: error_rate, ceiling: {share * 100:g}%}}]` for `{text}`", explains=("judge",), sure=True)
    return None


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _ceiling(entry: Entry) -> Instead:
    """A share with its sign."""
    text = said(entry.value) if said(entry.value).endswith("%") else f"{float(said(entry.value)) * 100:g}%"
    return Instead(f"write `ceiling: {text}`", edits=(Edit(entry.key_span, "ceiling"), Edit(entry.value.span, text)))


def _over(entry: Entry) -> Instead:
    """A time with its unit."""
    text = said(entry.value)
    if re.fullmatch(r"\d+(ms|s|m|h|d)", text):
        return Instead("write `over`", "over")
    return Instead(f"write `over` with its unit, such as `over: {text if text.isdigit() else 250}ms`")


def _of_document(entry: Entry, owner: str) -> Instead | None:  # noqa: PLR0911 - one line a habit
    """What other tools have at the top of a document."""
    key, value = entry.key, entry.value
    if not owner.startswith("this "):
        return None
    if owner == "this model" and key in _MODEL:
        return Instead(_MODEL[key].replace("{value}", said(value)).replace("{{", "{").replace("}}", "}"))
    if owner == "this overlay" and "/" in key:
        return Instead(f"write it below `patches:`, as `patches: {{{key}: …}}`")
    if key in (*_WRAPPERS, owner.removeprefix("this ")) and isinstance(value, Mapping):
        return Instead(_unwrapped(key, value), opens=True)
    if key == "version":
        return Instead("remove it: each training makes a version of its own, and `language: 1` of the project says how specs are read")
    if key in ("stage", "aliases"):
        return Instead("remove it: a version's stage changes by its gates and its rollout, and stands in no spec")
    return None


def _unwrapped(key: str, value: Mapping) -> str:
    """How the content of a mapping is written where the mapping stands."""
    on_one_line = value.entries and value.span.line == value.entries[0].key_span.line and value.span.line == value.span.end_line
    alone = on_one_line and len(value.entries) == 1 and isinstance(value.entries[0].value, Scalar)
    short = write_flow(plain(value))[1:-1] if alone else ""
    return f"write `{short}` in its place" if short else f"remove `{key}:` and indent the rest one level less"


def _dotted(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """`monitoring.every: 1h` as a key within a key."""
    first, dot, rest = entry.key.partition(".")
    if not dot or not rest:
        return None
    beside = around.get(first)
    inner: dict[str, Any] = {}
    *path, last = rest.split(".")
    below = inner
    for part in path:
        below[part] = below = {}
    below[last] = plain(entry.value)
    text = write_flow(inner)[1:-1]
    if beside is not None and isinstance(beside.value, Mapping):
        return Instead(f"a key holds no dots: write `{text}` below `{first}:`")
    return Instead(f"a key holds no dots: write `{first}: {{{text}}}`", explains=(first,)) if first in free else None


def _aggregated(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """`agg: avg, column: amount` as `mean: amount`."""
    if entry.key not in ("agg", "aggregation", "aggregate", "function", "func", "aggfunc") or not isinstance(entry.value, Scalar):
        return None
    given = entry.value.text.casefold()
    ours = given if given in free else next((word for word in SAME.get(given, ()) if word in free), None)
    column = around.get("column")
    if ours is None or column is None:
        return None
    more = "; with `empty: 0` it is 0 where there is nothing to add up" if ours == "sum" and "empty" in free else ""
    return Instead(f"write `{ours}: {said(column.value)}` in the place of `{entry.key}` and `column`{more}", sure=True)


_LOW, _HIGH = ("low", "min", "lower", "start"), ("high", "max", "upper", "stop", "end")


_SHAPE = ("type", "distribution", "dist", "prior", "sampling", "scale")
"""Keys that say how a parameter is drawn."""


def _ranged(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """`{low: 0.01, high: 0.3}` of a parameter that is searched as `float: [0.01, 0.3]`."""
    if not {"int", "float", "choice"} <= set(free):
        return None
    if entry.key in ("choices", "values", "categories", "options") and isinstance(entry.value, Sequence):
        named = [f"`{other.key}`" for other in around.entries if other.key in _SHAPE]
        place = f" in the place of {choice([*named, f'`{entry.key}`']).replace(' or ', ' and ')}" if named else ""
        return Instead(
            f"write `choice: {write_flow({'': plain(entry.value)})[1:-1].partition(': ')[2]}`{place}", explains=_SHAPE, sure=True
        )
    if entry.key not in _LOW:
        return None
    high = next((found for word in _HIGH if (found := around.get(word)) is not None), None)
    values = [end.value for end in (entry, high) if end is not None and isinstance(end.value, Scalar)]
    if len(values) < 2:  # noqa: PLR2004 - both ends
        return None
    beside = [other for other in around.entries if other.key in _SHAPE]
    said_so = " ".join(said(other.value).casefold() for other in beside)
    words = re.split(r"[^a-z]+", said_so)
    whole_numbers = all(type(value.value) is int for value in values) and not {"float", "uniform", "loguniform", "double"} & set(words)
    word = "int" if whole_numbers or "int" in words or "integer" in words else "float"
    orders = re.search(r"log|reciprocal", said_so) is not None and around.get("log") is None
    parts = [f"`{part.key}`" for part in (*beside, entry, high) if part is not None]
    text = f"{word}: [{values[0].text}, {values[1].text}]{', log: true' if orders else ''}"
    help_ = f"write `{text}` in the place of {choice(parts).replace(' or ', ' and ')}"
    return Instead(help_, explains=(*_HIGH, *_SHAPE), sure=True)


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
    if node.get("registered_model_name") is not None or node.get("stage") is not None:
        return "remove the document: each training registers a version of its model, and `headrace models` lists them"
    if node.get("jobs") is not None or node.get("on") is not None:
        return "move the file out of `specs/`: a workflow is no spec"
    if any(node.get(word) is not None for word in ("terraform", "provider", "resource", "variable", "module")):
        return "remove the document: `kind: project` and `kind: environment` say what a project needs"
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
