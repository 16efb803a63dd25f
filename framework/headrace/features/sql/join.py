"""The plan that joins each line of the spine with the events in reach of it and aggregates them: for entities with few events each."""

from __future__ import annotations

from collections.abc import Collection

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.sql.aggregate import aggregate, greatest, holds, order
from headrace.features.sql.dialect import Dialect
from headrace.features.sql.relation import ENTITY, EVENTS, LINE, MOMENT, SEEN, SPINE, TIME, columns, oldest, passes, youngest
from headrace.features.sql.word import name

_STRETCH = "__stretch"


def by_join(view: ViewConfig, wanted: Collection[str], texts: frozenset[str], dialect: Dialect) -> str:
    """One row a line of the spine with the raw values of some features; `texts` are the columns that hold text."""
    features = {word: view.features[word] for word in wanted}
    ages = [oldest(view, feature) for feature in features.values()]
    furthest = max((age for age in ages if age is not None), default=0) if None not in ages else None
    on = [
        f"e.{name(ENTITY)} = s.{name(ENTITY)}",
        f"e.{name(SEEN)} <= s.{name(MOMENT)}",
        *([f"e.{name(TIME)} >= s.{name(MOMENT)} - {furthest}"] if furthest is not None else []),
    ]
    spine, events = name(SPINE), name(EVENTS)
    if furthest is not None and dialect.structs:
        spine, events, also = _by_stretch(max(furthest, 1))
        on.append(also)
    joined = f"{spine} AS s LEFT JOIN {events} AS e ON {' AND '.join(on)}"
    newest = [word for word, feature in features.items() if feature.kind in ("last", "column")]
    if not newest or dialect.structs:
        told = [f"{_value(view, feature, 's', 'e', dialect)} AS {name(word)}" for word, feature in features.items()]
        return f"SELECT s.{name(LINE)}, {', '.join(told)} FROM {joined} GROUP BY s.{name(LINE)}"
    ranked = [f"{_rank(view, features[word], dialect, texts)} AS {name('__rank_' + word)}" for word in newest]
    held = [name(column) for column in columns(view)]
    pairs = [f"s.{name(LINE)}", f"s.{name(MOMENT)}", f"e.{name(TIME)}", *(f"e.{column}" for column in held), *ranked]
    told = [
        f"{_ranked(view, word, feature) if word in newest else _value(view, feature, 'p', 'p', dialect)} AS {name(word)}"
        for word, feature in features.items()
    ]
    inner = f"SELECT {', '.join(pairs)} FROM {joined}"
    return f"SELECT p.{name(LINE)}, {', '.join(told)} FROM ({inner}) AS p GROUP BY p.{name(LINE)}"


def _by_stretch(furthest: int) -> tuple[str, str, str]:
    """Spine and events with the stretch of time in which each stands, and the condition that these are equal; in DuckDB's words.

    A stretch is as long as the longest window: what is in reach of a line stands in its own or in the one before. So a line is paired with
    events that are near, and not with all that its entity ever had.
    """
    own = f"{name(MOMENT)} // {furthest}"
    spine = f"(SELECT *, UNNEST([{own}, {own} - 1]) AS {name(_STRETCH)} FROM {name(SPINE)})"
    events = f"(SELECT *, {name(TIME)} // {furthest} AS {name(_STRETCH)} FROM {name(EVENTS)})"
    return spine, events, f"e.{name(_STRETCH)} = s.{name(_STRETCH)}"


def counted(view: ViewConfig, feature: FeatureConfig, spine: str, of: str) -> str:
    """By which condition an event that was joined counts for a feature: it is there, in its window, and passes."""
    age, least, passing = oldest(view, feature), youngest(view, feature), passes(feature, of)
    parts = [f"{of}.{name(TIME)} IS NOT NULL" if age is None else f"{of}.{name(TIME)} >= {spine}.{name(MOMENT)} - {age}"]
    parts += [f"{of}.{name(TIME)} <= {spine}.{name(MOMENT)} - {least}"] if least else []
    return " AND ".join([*parts, *([f"({passing})"] if passing is not None else [])])


def _value(view: ViewConfig, feature: FeatureConfig, spine: str, of: str, dialect: Dialect) -> str:
    counts = counted(view, feature, spine, of)
    newest = greatest(view, feature, counts, of=of, over=_plain) if dialect.structs and feature.kind in ("last", "column") else ""
    return aggregate(feature, counts, of=of, over=_plain, newest=newest)


def _plain(text: str) -> str:
    return text


def _rank(view: ViewConfig, feature: FeatureConfig, dialect: Dialect, texts: frozenset[str]) -> str:
    counts = counted(view, feature, "s", "e")
    keys = [f"CASE WHEN {counts}{holds(feature, 'e')} THEN 0 ELSE 1 END"]
    keys += [f"{value} DESC NULLS LAST" for _, value in order(view, feature, "e", dialect, texts)]
    return f"ROW_NUMBER() OVER (PARTITION BY s.{name(LINE)} ORDER BY {', '.join(keys)})"


def _ranked(view: ViewConfig, word: str, feature: FeatureConfig) -> str:
    counts = counted(view, feature, "p", "p")
    return f"MAX(CASE WHEN p.{name('__rank_' + word)} = {feature.back + 1} AND {counts} THEN p.{name(feature.of or '')} END)"
