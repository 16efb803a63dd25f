"""What people write as keys of one section who come from other tools: the same word may be right, or another one, elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from headrace.diagnostics import Edit
from headrace.document import Entry, Mapping, Node, Scalar, write_flow
from headrace.spec.foreign_value import TRANSFORMERS
from headrace.spec.plain import plain


@dataclass(frozen=True, slots=True)
class Instead:
    """What to write for a key of another tool."""

    help: str
    rename: str | None = None
    opens: bool = False
    """Whether what stands below it belongs where it stands."""
    edits: tuple[Edit, ...] = ()
    explains: tuple[str, ...] = ()
    """Keys beside it that are wrong, or missing, for the same reason."""
    sure: bool = False
    """Whether it is meant, though it is one slip away from a key of the language."""


def said(node: Node) -> str:
    """A value as it was written, where it stands on one line."""
    return node.text if isinstance(node, Scalar) else "…"


def snake(key: str) -> str:
    """`hashAttribute` as `hash_attribute`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").casefold()


def of_section(entry: Entry, owner: str, free: Collection[str], around: Mapping) -> Instead | None:
    """What to write for a key in a mapping that the user calls `owner`; None for a key that means nothing in particular there."""
    if {"from", "personal"} & set(free) and around.get("id") is None and entry.key in _TESTS:
        name = owner if re.fullmatch(r"\w+", owner) else "NAME"
        return Instead(
            f"remove it: `checks` of the source say it, such as `{{id: {name.replace('_', '-')}-full, column: {name}, missing: 0%}}`"
        )
    if entry.key == "freshness" and "fresh_within" in free:
        return _fresh(entry)
    if owner.startswith("params of "):
        return Instead("write `by`", "by") if entry.key == "strategy" and "by" in free else _early(entry)
    ask = _SECTIONS.get(re.sub(r"\[\d+\]$", "", owner))
    return ask(entry, free, around) if ask is not None else None


_TESTS = ("tests", "data_tests", "constraints", "checks", "expectations")
_PERIODS = {"minute": "m", "hour": "h", "day": "d", "week": "w"}


def _fresh(entry: Entry) -> Instead | None:
    """`{warn_after: {count: 12, period: hour}}` as `12h`."""
    node: Node = entry.value
    for word in ("error_after", "warn_after"):
        found = node.get(word) if isinstance(node, Mapping) else None
        node = found.value if found is not None else node
    count, period = (node.get(word) if isinstance(node, Mapping) else None for word in ("count", "period"))
    unit = _PERIODS.get(said(period.value)) if period is not None else None
    if count is None or unit is None:
        return None
    text = f"{said(count.value)}{unit}"
    return Instead(f"write `fresh_within: {text}`", edits=(Edit(entry.key_span, "fresh_within"), Edit(entry.value.span, text)))


def _early(entry: Entry) -> Instead | None:
    """Early stopping belongs to the training, since it takes rows of it."""
    if entry.key not in ("early_stopping_rounds", "early_stopping_round", "n_iter_no_change"):
        return None
    rounds = said(entry.value) if isinstance(entry.value, Scalar) and type(entry.value.value) is int else "50"
    return Instead(f"write `early_stopping: {{rounds: {rounds}, share: 10%}}` in `training`")


def _training(entry: Entry, _free: Collection[str], _around: Mapping) -> Instead | None:
    return _early(entry)


def _monitoring(entry: Entry, free: Collection[str], _around: Mapping) -> Instead | None:
    """A cron line where a length of time is wanted."""
    if entry.key not in ("schedule", "cron", "schedule_interval", "cron_expression"):
        return None
    if "every" not in free:
        return Instead("remove it: `every` says how often")
    return Instead(f"write `every: {_often(said(entry.value))}`")


def _often(line: str) -> str:
    """How often a cron line comes, as near as one length of time says it."""
    named = {"@hourly": "1h", "@daily": "1d", "@midnight": "1d", "@weekly": "7d", "@monthly": "30d"}.get(line.strip())
    fields = line.split()
    if named is not None or len(fields) != 5:  # noqa: PLR2004 - a cron line
        return named or "1d"
    minute, hour, day, _, weekday = fields
    if step := re.fullmatch(r"\*/(\d+)", minute if hour == "*" else hour):
        return f"{step[1]}{'m' if hour == '*' else 'h'}"
    if hour == "*":
        return "1m" if minute == "*" else "1h"
    return "30d" if day != "*" else "1d" if weekday in ("*", "1-5") else "7d"


def _alert(entry: Entry, _free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key in ("annotations", "summary", "description", "message", "runbook", "runbook_url", "title"):
        return Instead("remove it: an alert is told with its `id`, its `when` and what was measured")
    return None


def _cv(entry: Entry, free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key in ("n_splits", "n_folds", "num_folds", "nfold", "nfolds", "k", "splits") and "folds" in free:
        return Instead("write `folds`", "folds")
    if entry.key in ("shuffle", "random_state", "seed", "random_seed"):
        return Instead("remove it: the same seed of the training deals the same folds")
    return None


def _tune(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """A goal by its direction and its metric."""
    wanted = around.get("direction")
    down = wanted is not None and said(wanted.value).casefold() in ("minimize", "minimise", "min", "lower")
    word = "minimize" if down else "maximize"
    metric = next((found for key in ("scoring", "metric", "objective", "objective_metric") if (found := around.get(key)) is not None), None)
    if entry.key in ("scoring", "metric", "objective_metric") and word in free:
        return Instead(f"write `{word}`", word)
    if entry.key in ("direction", "greater_is_better", "mode"):
        if word not in free or metric is not None:
            return Instead("remove it: `maximize` or `minimize` says it", explains=("maximize",) if metric is not None else ())
        return Instead(f"write `{word}: METRIC`, such as `{word}: {'log_loss' if down else 'roc_auc'}`", explains=("maximize", "minimize"))
    return None


def _serving(entry: Entry, _free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key in ("online_store", "feature_store", "online_features"):
        return Instead("remove it: `online` of an environment says where events are kept, and `online` of a feature_view which are")
    return None


def _source(entry: Entry, free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key in ("query", "sql", "sql_query"):
        return Instead(
            "SQL is not run: write in its place the file that has the rows, as `uri: FILE`, or a function that gives them, as "
            "`python: MODULE:FUNCTION`"
            if {"uri", "python"} <= set(free)
            else "remove it: SQL is not run"
        )
    return None


def _retraining(entry: Entry, _free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key in ("timezone", "time_zone", "tz"):
        return Instead("remove it: a cron line is read in UTC")
    return None


def _needs(entry: Entry, free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key not in ("new_rows", "min_rows", "rows", "new_samples", "new_data") or "new_labels" not in free:
        return None
    if isinstance(entry.value, Scalar) and type(entry.value.value) is int:
        return Instead("write `new_labels`", "new_labels")
    return Instead("write for example `new_labels: 5000`: labels are counted, and no share of them")


def _target(entry: Entry, _free: Collection[str], _around: Mapping) -> Instead | None:
    return Instead("remove it: the algorithm says the task") if entry.key in ("type", "task", "problem_type", "objective") else None


def _transform(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """`{OneHotEncoder: [shop]}`: a step under its own name."""
    given = _NAMES.get(said(entry.value).rpartition(".")[2]) if entry.key in _CALLED else None
    step = given or _NAMES.get(entry.key)
    if step is None or "transform" not in free:
        return None
    known = ("id", "transform", "columns", "params")
    listed = around.get("columns")
    columns = plain(listed.value) if listed is not None else plain(entry.value) if given is None else None
    named = around.get("id") or (around.get("name") if given is not None else None)
    whole: dict[str, object] = {"id": said(named.value) if named is not None else step.replace("_", "-"), "transform": step}
    if columns:
        whole["columns"] = [columns] if isinstance(columns, str) else columns
    beside = [other for other in around.entries if other is not entry and other.key not in known]
    params = {"by" if other.key == "strategy" else other.key: plain(other.value) for other in beside if other.key not in _OF_ITSELF}
    whole |= {"params": params} if params else {}
    return Instead(f"write `{write_flow(whole)}`", explains=(*known, *(other.key for other in beside)), sure=True)


_CALLED = ("type", "transformer", "name", "kind", "class", "class_name", "step", "estimator", "method", "op", "transformation")
"""Keys under which a step is named elsewhere."""
_OF_ITSELF = ("handle_unknown", "sparse", "sparse_output", "drop", "with_mean", "with_std", "name", "remainder")
"""What a transform does here without being told, or has no use for."""
_NAMES = {**TRANSFORMERS, **{name: name for name in TRANSFORMERS.values()}}


def _drift(entry: Entry, free: Collection[str], _around: Mapping) -> Instead | None:
    """One bound where two are; the other is as usual."""
    number = isinstance(entry.value, Scalar) and type(entry.value.value) in (int, float)
    if entry.key not in ("threshold", "thresholds", "drift_threshold", "value", "bound", "limit") or not number or "effect" not in free:
        return None
    return Instead(f"write `effect: {{warning: {said(entry.value)}}}`, on the scale of `method`", explains=("effect",))


def _window(entry: Entry, free: Collection[str], _around: Mapping) -> Instead | None:
    if entry.key not in ("days", "hours", "minutes", "weeks", "duration", "period", "length", "time", "last", "for") or "rows" not in free:
        return None
    return Instead(
        "a window is so many rows, and not so long: write for example `rows: 2000`; "
        "`every` of `monitoring` says how often windows are looked at"
    )


_STORES = ("online_store", "offline_store", "feature_store", "online_features")
_OTHERWISE = ("overrides", "override", "patches", "patch", "overlay", "overlays", "values", "settings", "config", "specs", "documents")


def _environment(entry: Entry, free: Collection[str], around: Mapping) -> Instead | None:
    """Stores of features, and what differs in one environment."""
    if entry.key in _STORES:
        return _events(entry) if "online" in free and entry.key != "offline_store" else Instead(_OFFLINE)
    given = plain(entry.value)
    kind, slash, _ = entry.key.partition("/")
    patched = given if entry.key in _OTHERWISE else {entry.key: given} if slash and kind.islower() else None
    if not isinstance(patched, dict) or not patched:
        return None
    named = around.get("name")
    name = said(named.value) if named is not None else "NAME"
    whole = write_flow({"kind": "overlay", "name": name, "environment": name, "patches": patched})[1:-1]
    return Instead(f"what differs in one environment is a document of its own, parted by `---`: write `{{{whole}}}`")


_OFFLINE = "remove it: what is not read online, a source's own `uri` says"


def _events(entry: Entry) -> Instead:
    """Where events are kept for reading them online: a folder, or PostgreSQL."""
    node = entry.value
    parts = [said(inner.value) for inner in node.entries] if isinstance(node, Mapping) else [said(node)]
    address = next((text for text in parts if text.startswith(("postgres://", "postgresql"))), None)
    if address is not None:
        return Instead(f"write `online: {address}`")
    store = re.match(r"[a-z]+", parts[0].casefold()) if parts else None
    other = f", and not in {store[0]}" if store is not None and store[0] not in ("sqlite", "file", "local", "postgres") else ""
    return Instead(
        f"events are kept in a folder or in PostgreSQL{other}: write `online: .headrace/online` or `online: postgresql://user@host/database`"
    )


_SECTIONS: dict[str, Callable[[Entry, Collection[str], Mapping], Instead | None]] = {
    "alerts": _alert,
    "cv": _cv,
    "drift": _drift,
    "monitoring": _monitoring,
    "needs": _needs,
    "retraining": _retraining,
    "serving": _serving,
    "target": _target,
    "this environment": _environment,
    "this source": _source,
    "training": _training,
    "transforms": _transform,
    "tune": _tune,
    "window": _window,
}
"""By what the user calls a mapping."""
