"""A version of a view as documents of its own, so that what was applied once can be read, used and compared like any other view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from headrace.compiled import FeatureConfig, SourceConfig, ViewConfig
from headrace.features.versions import Version, named
from headrace.spec.feature_view import CLOSED
from headrace.spec.quantity import write_duration

LONGEST = 63
"""As long as a name may be."""
_EXACT = 2.0**53


def documents(version: Version, *, today: Version, source: SourceConfig | None, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The documents that say what a version of a view said.

    Its rows are today's source, where that (`source`, by the newest definition `today`) reads just as it did then; otherwise a source of
    their own, written before the view. What decides no value (`online`, ranges, descriptions) is taken from `spec`,
    the view as applied last.
    """
    view = version.config
    same = source is not None and source.reads() == version.source.reads() and today.config.available_at == view.available_at
    own = view.source if same else _own(version)
    hidden = source.personal if source is not None else tuple(version.source.columns)
    made = [] if same else [_source(own, version, frozenset(hidden))]
    return [_literal(document) for document in (*made, _view(version, own, spec))]


def _literal(value: Any) -> Any:  # noqa: ANN401 - the language's values
    """The same where no text is read as an expression over variables."""
    match value:
        case str():
            return value.replace("${", "$${")
        case dict():
            return {key: _literal(item) for key, item in value.items()}
        case list():
            return [_literal(item) for item in value]
    return value


def recorded(view: ViewConfig, source: SourceConfig, among: Iterable[Version]) -> Version | None:
    """The newest of some versions that is of this definition, whatever its source is called."""
    told = view.definition(source)
    for version in reversed(list(among)):
        then = version.definition["view"]
        if named({**told, "view": {**view.computes(), "source": then["source"]}}) == version.digest:
            return version
    return None


def _own(version: Version) -> str:
    name = f"{version.config.source}-of-{version.view}-{version.number}".replace("_", "-")
    return name if len(name) <= LONGEST else f"rows-of-{version.digest.rpartition(':')[2][:12]}"


def _view(version: Version, source: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    view, today = version.config, spec.get("features", {})
    told: dict[str, Any] = {"kind": "feature_view", "name": str(version)}
    told |= {"description": version.description} if version.description else {}
    told |= {"from": f"source/{source}", "entity": view.entity, "time": view.time}
    told |= {"available_after": _span(view.available_after_seconds)} if view.available_after_seconds else {}
    told |= {"late": _span(view.late_seconds)} if view.late_seconds is not None else {}
    told |= {"window_edges": view.window_edges} if view.window_edges != CLOSED else {}
    told |= {"tie_break": list(view.tie_break)} if view.tie_break else {}
    told |= {"online": spec["online"]} if spec.get("online") is not None else {}
    return told | {"features": {word: _feature(feature, today.get(word) or {}) for word, feature in view.features.items()}}


def _feature(feature: FeatureConfig, today: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {feature.kind: feature.of if feature.of is not None else "rows"}
    told |= {"over": _span(feature.over_seconds)} if feature.over_seconds is not None else {}
    told |= {"where": feature.where} if feature.where is not None else {}
    told |= {"empty": _number(feature.empty)} if feature.empty is not None else {}
    told |= {"expires": _span(feature.expires_seconds)} if feature.expires_seconds is not None else {}
    told |= {"back": feature.back} if feature.back else {}
    told |= {"ago": _span(feature.ago_seconds)} if feature.ago_seconds else {}
    told |= {"range": list(today["range"])} if today.get("range") is not None and feature.type == "number" else {}
    return told | ({"description": today["description"]} if today.get("description") else {})


def _source(name: str, version: Version, hidden: frozenset[str]) -> dict[str, Any]:
    then = version.source
    told: dict[str, Any] = {"kind": "source", "name": name, "description": f"{version.config.source} as {version} was computed from it"}
    told |= {word: value for word in ("uri", "table", "python") if (value := getattr(then, word)) is not None}
    told["columns"] = {
        column: {"from": item.from_, "type": item.type, **({"personal": True} if column in hidden else {})}
        for column, item in then.columns.items()
    }
    told |= {"arrival": then.arrival.to_json()} if then.arrival is not None else {}
    return told | ({"available_at": version.config.available_at} if version.config.available_at is not None else {})


def _number(value: float) -> float:
    return int(value) if value.is_integer() and abs(value) < _EXACT and str(value) != "-0.0" else value


def _span(seconds: float) -> str:
    return write_duration(timedelta(seconds=seconds))
