"""The whole query of a view: its events, what is wanted of them by the plans that fit, and arithmetic over that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.sql.aggregate import answer
from headrace.features.sql.dialect import Dialect
from headrace.features.sql.join import by_join
from headrace.features.sql.relation import EVENTS, LINE, MOMENT, SPINE, events, oldest
from headrace.features.sql.window import by_window, running
from headrace.features.sql.word import arithmetic, name
from headrace.spec.expression import names, parse_arithmetic
from headrace.spec.source import TEXTS

Plan = Literal["join", "window"]


def values(
    view: ViewConfig,
    wanted: Collection[str],
    *,
    spine: str,
    source: str,
    types: Mapping[str, str],
    dialect: Dialect,
    plan: Plan = "join",
) -> str:
    """One row a line of the spine, in its order: the line and the value of each wanted feature; a DOUBLE or a text, or missing.

    `spine` is a SELECT with the spine's columns, `source` a relation with the project's columns, whose `types` are the spec's words.
    """
    computed = closure(view, wanted)
    base = [word for word in computed if view.features[word].kind != "expression"]
    texts = frozenset(column for column, kind in types.items() if kind in TEXTS)
    endless = [word for word in base if dialect.structs and oldest(view, view.features[word]) is None]
    earlier = [word for word in endless if view.features[word].ago_seconds]
    ever = [word for word in endless if word not in earlier]
    near = [word for word in base if word not in endless]
    parts = {SPINE: spine, EVENTS: events(view, source, types, dialect)}
    if near:
        walks = plan == "window" and dialect.structs and view.available_at is None
        parts["near"] = by_window(view, near) if walks else by_join(view, near, texts, dialect)
    if ever:
        parts["ever"] = running(view, ever)
    if earlier:
        # What became known late may be of any age: a walk in the order of knowing would not find where the window ends.
        parts["earlier"] = by_window(view, earlier) if view.available_at is None else by_join(view, earlier, texts, dialect)
    joins = " ".join(
        f"LEFT JOIN {name(part)} ON {name(part)}.{name(LINE)} = s.{name(LINE)}" for part in parts if part not in (SPINE, EVENTS)
    )
    held = {word: f"{name('ever' if word in ever else 'earlier' if word in earlier else 'near')}.{name(word)}" for word in base}
    told = [f"{answer(view.features[word], held[word], f's.{name(MOMENT)}')} AS {name(word)}" for word in base]
    parts["known"] = f"SELECT s.{name(LINE)}{''.join(', ' + item for item in told)} FROM {name(SPINE)} AS s {joins}"
    chosen = ", ".join(f"{_final(view, word)} AS {name(word)}" for word in wanted)
    told_parts = ",\n".join(f"{name(part)} AS (\n  {text}\n)" for part, text in parts.items())
    return f"WITH {told_parts}\nSELECT k.{name(LINE)}, {chosen}\nFROM {name('known')} AS k\nORDER BY k.{name(LINE)}"


def closure(view: ViewConfig, wanted: Collection[str]) -> list[str]:
    """The wanted features and all that their arithmetic reads, in the order of the view."""
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        word = todo.pop()
        if word not in found:
            found.add(word)
            todo += _read(view.features[word])
    return [word for word in view.features if word in found]


def _read(feature: FeatureConfig) -> list[str]:
    return [item.name for item in names(parse_arithmetic(feature.of or ""))] if feature.kind == "expression" else []


def _final(view: ViewConfig, word: str) -> str:
    """A feature over those that are known; arithmetic is written out down to them."""
    feature = view.features[word]
    if feature.kind != "expression":
        return f"k.{name(word)}"
    told = arithmetic(parse_arithmetic(feature.of or ""), lambda inner: _final(view, inner))
    return f"COALESCE({told}, {float(feature.empty)!r})" if feature.empty is not None else told
