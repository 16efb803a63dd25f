"""The plan that walks over events and spine together, entity by entity: for entities with many events, where pairs would be too many."""

from __future__ import annotations

from collections.abc import Collection

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.sql.aggregate import aggregate, greatest
from headrace.features.sql.relation import ENTITY, EVENTS, LINE, MOMENT, SEEN, SPINE, TIME, columns, delay, oldest, passes, youngest
from headrace.features.sql.word import name

_AT = "__at"


def by_window(view: ViewConfig, wanted: Collection[str]) -> str:
    """One row a line of the spine with the raw values of features that have a window, or end before the moment; in DuckDB's words.

    Only for views whose events are known a fixed time after they were true: then a moment's events are those between two ages.
    """
    told = []
    for word in wanted:
        feature = view.features[word]
        age = oldest(view, feature)
        if view.available_at is not None or (age is None and not feature.ago_seconds):
            raise AssertionError(word)
        first, last = "UNBOUNDED" if age is None else age, max(delay(view), youngest(view, feature))
        told.append(f"{_value(view, feature, f'RANGE BETWEEN {first} PRECEDING AND {last} PRECEDING')} AS {name(word)}")
    return _walk(view, TIME, told, wanted)


def running(view: ViewConfig, wanted: Collection[str]) -> str:
    """One row a line of the spine with the raw values of `last`, `column` and `since`, looked for however far back; in DuckDB's words."""
    told = [f"{_value(view, view.features[word], 'RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW')} AS {name(word)}" for word in wanted]
    return _walk(view, SEEN, told, wanted)


def _walk(view: ViewConfig, by: str, told: list[str], wanted: Collection[str]) -> str:
    """Events and spine in one, in the order of `by`; the spine's lines are handed out."""
    held = [name(column) for column in columns(view)]
    of_events = ", ".join([name(ENTITY), f"{name(by)} AS {name(_AT)}", name(TIME), f"NULL AS {name(LINE)}", *held])
    nothing = [f"NULL AS {column}" for column in held]
    of_spine = ", ".join([name(ENTITY), name(MOMENT), f"NULL AS {name(TIME)}", name(LINE), *nothing])
    both = f"SELECT {of_events} FROM {name(EVENTS)} UNION ALL SELECT {of_spine} FROM {name(SPINE)}"
    walked = f"SELECT e.{name(LINE)}, {', '.join(told)} FROM ({both}) AS e"
    answers = ", ".join([name(LINE), *(name(word) for word in wanted)])
    return f"SELECT {answers} FROM ({walked}) AS w WHERE {name(LINE)} IS NOT NULL"


def _value(view: ViewConfig, feature: FeatureConfig, frame: str) -> str:
    def over(text: str) -> str:
        return f"{text} OVER (PARTITION BY e.{name(ENTITY)} ORDER BY e.{name(_AT)} {frame})"

    passing = passes(feature, "e")
    counted = " AND ".join([f"e.{name(LINE)} IS NULL", *([f"({passing})"] if passing is not None else [])])
    newest = greatest(view, feature, counted, of="e", over=over) if feature.kind in ("last", "column") else ""
    return aggregate(feature, counted, of="e", over=over, newest=newest)
