"""The two relations that every plan reads: the spine, one line an entity and moment; and the events of a view, with when each was known."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.sql.dialect import Dialect
from headrace.features.sql.word import condition, name
from headrace.spec.expression import parse
from headrace.spec.feature_view import CLOSED

SPINE, EVENTS = "spine", "events"
"""What the relations are called in a query."""
LINE, ENTITY, MOMENT = "__line", "__entity", "__moment"
"""The spine's columns: a whole number from 0, the entity as `identity` says, the moment in microseconds."""
TIME, SEEN = "__time", "__seen"
"""An event's columns beside those of its source: when it was true, and from which moment on it may be read. Microseconds."""


def micros(seconds: float) -> int:
    """Whole microseconds."""
    return round(seconds * 1_000_000)


def columns(view: ViewConfig) -> list[str]:
    """The columns of its source that a view's features read, in the order of their names."""
    found = set(view.tie_break)
    for feature in view.features.values():
        if feature.of is not None and feature.kind not in ("ratio", "expression"):
            found.add(feature.of)
        for text in (feature.where, feature.of if feature.kind == "ratio" else None):
            found |= parse(text, texts=True).names() if text is not None else set()
    return sorted(found)


def delay(view: ViewConfig) -> int:
    """How long after its time an event may be read at the earliest, in microseconds; at least one where a window's end is open."""
    return max(micros(view.available_after_seconds), 0 if view.window_edges == CLOSED else 1)


def identity(view: ViewConfig, types: Mapping[str, str]) -> str:
    """What an entity is compared as: a whole number where its column is one, or a text."""
    return "BIGINT" if types.get(view.entity) == "int64" else "VARCHAR"


def events(view: ViewConfig, source: str, types: Mapping[str, str], dialect: Dialect) -> str:
    """The events of a view: rows of `source`, a relation with the project's columns, that have an entity, a time, and are not too late.

    `types` are those of its columns by the spec's words; moments become microseconds.
    """

    def read(column: str) -> str:
        return dialect.micros.format(name(column)) if types.get(column) == "timestamp" else name(column)

    at = dialect.micros.format(name(view.time))
    told = [f"CAST({name(view.entity)} AS {identity(view, types)}) AS {name(ENTITY)}", f"{at} AS {name(TIME)}"]
    told.append(f"{_seen(view, at, dialect)} AS {name(SEEN)}")
    told += [f"{read(column)} AS {name(column)}" for column in columns(view)]
    kept = [f"{name(column)} IS NOT NULL" for column in (view.entity, view.time, *([view.available_at] if view.available_at else []))]
    if view.available_at is not None and view.late_seconds is not None:
        allowed = micros(view.available_after_seconds) + micros(view.late_seconds)
        kept.append(f"{dialect.micros.format(name(view.available_at))} - {at} <= {allowed}")
    return f"SELECT {', '.join(told)} FROM {source} WHERE {' AND '.join(kept)}"


def _seen(view: ViewConfig, at: str, dialect: Dialect) -> str:
    earliest = f"{at} + {delay(view)}"
    return f"GREATEST({earliest}, {dialect.micros.format(name(view.available_at))})" if view.available_at is not None else earliest


def passes(feature: FeatureConfig, of: str) -> str | None:
    """Which events a feature counts, as SQL; None where it counts all."""
    return condition(parse(feature.where, texts=True).root, of) if feature.where is not None else None


def reach(feature: FeatureConfig) -> tuple[int, bool] | None:
    """How far back a feature looks in microseconds, and whether `expires` says so; None where it looks back for ever."""
    over = micros(feature.over_seconds) if feature.over_seconds is not None else None
    expires = micros(feature.expires_seconds) if feature.expires_seconds is not None else None
    if expires is not None and (over is None or expires < over):
        return expires, True
    return (over, False) if over is not None else None


def oldest(view: ViewConfig, feature: FeatureConfig) -> int | None:
    """The greatest age in microseconds that an event may have for a feature, the bound itself included; None where any age will do.

    A window `(t-w, t]` does not hold an event that is just `w` old, `[t-w, t)` does; a value just as old as `expires` still stands.
    With `ago` all of it is so much earlier.
    """
    found = reach(feature)
    if found is None:
        return None
    back, expiring = found
    return micros(feature.ago_seconds) + (back if expiring or view.window_edges != CLOSED else back - 1)


def youngest(view: ViewConfig, feature: FeatureConfig) -> int:
    """The least age in microseconds that an event must have for a feature: 0 where its window ends at the moment itself."""
    ago = micros(feature.ago_seconds)
    return ago if not ago or view.window_edges == CLOSED else ago + 1
