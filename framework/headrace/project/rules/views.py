"""Every feature has one origin, and what it is computed from exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Severity, Span
from headrace.document import Scalar, inside
from headrace.project.rules.columns import columns
from headrace.project.rules.features import unknown_feature
from headrace.project.scope import Scope, address_of, question
from headrace.spec import FeatureView, Source
from headrace.spec.expression import Compare, ExpressionError, Named, Same, Truth, arithmetic, mend, names, parse, parse_arithmetic
from headrace.spec.feature_view import AGGREGATES, Feature
from headrace.spec.source import TEXTS
from headrace.spec.wording import choice, listed, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All views."""
    for view in scope.of(FeatureView):
        yield from _view(scope, view)


@question
def _view(scope: Scope, view: FeatureView) -> Iterator[Diagnostic]:
    for name, feature in view.features.items():
        yield from _origin(scope, view, name, feature)
        yield from _idle(scope, view, name, feature)
        yield from _types(scope, view, name, feature)
        yield from _expression(scope, view, name, feature)
        yield from _empty(scope, view, name, feature)
        yield from _window(scope, view, name, feature)
        yield from _where(scope, view, name, feature)


def read_by(feature: Feature) -> tuple[Named, ...]:
    """The features that an expression reads; none where it cannot be read itself."""
    if feature.expression is None:
        return ()
    try:
        return tuple(names(parse_arithmetic(feature.expression)))
    except ExpressionError:
        return ()


def part(scope: Scope, here: Address, path: Path, start: int, end: int) -> Span:
    """The place of some characters of a text."""
    node = scope.node(here, path)
    return inside(node, start, end) if isinstance(node, Scalar) else scope.where(here, path)


@question
def _origin(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    here, origin = address_of(view), feature.origin
    if len(origin) != 1:
        said = "does not say where its value comes from"
        if origin:
            said = f"has {' and '.join(f'`{word}`' for word in origin)}: one feature has one origin"
        place = scope.where(here, ("features", name, *origin[1:2]), key=True)
        mend = "make two features of it" if origin else f"write one of {choice(f'`{word}`' for word in ('column: age', 'sum: amount'))}"
        yield Diagnostic("feature-origin", f"feature `{name}` {said}", place, help=mend)
    elif origin[0] in AGGREGATES and origin[0] != "last" and feature.over is None:
        message = f"`{origin[0]}` of `{name}` does not say over which time"
        yield Diagnostic(
            "aggregate-without-window", message, scope.where(here, ("features", name, origin[0]), key=True), help="write `over: 28d`"
        )


@question
def _idle(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    """Keys that only an aggregate, or only a computed value, has a use for."""
    if len(feature.origin) != 1:
        return
    origin = feature.origin[0]
    aging = origin in ("column", "last", "since")
    uses = dict.fromkeys(("over", "where", "by"), origin in AGGREGATES)
    uses |= {word: feature.by is not None for word in ("segments", "other") if getattr(feature, word)}
    uses |= {"empty": origin != "column", "expires": aging, "back": origin == "last", "ago": origin in AGGREGATES}
    for word, used in uses.items():
        if getattr(feature, word) is not None and not used:
            place = scope.where(address_of(view), ("features", name, word), key=True)
            message = f"`{word}` of feature `{name}` changes nothing: its value is a{'n' if origin[0] in 'aeiou' else ''} {origin}"
            yield Diagnostic("idle-key", message, place, help=f"remove `{word}`", severity=Severity.WARNING)


@question
def _types(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    source = scope.meant(Source, view.from_)
    if source is None:
        return
    known = columns(source)
    for word in ("sum", "mean", "min", "max", "std", "since"):
        column = getattr(feature, word, None)
        wanted, mend = ("a timestamp",) * 2 if word == "since" else ("a number", "an `int64` or `float` column")
        if column not in known or (known[column] == "timestamp" if word == "since" else known[column] in ("int64", "float")):
            continue
        place = scope.where(address_of(view), ("features", name, word))
        message = f"`{word}` of feature `{name}` wants {wanted}, and `{column}` of {view.from_} is a {known[column]}"
        yield Diagnostic("wrong-column-type", message, place, help=f"name {mend}")


@question
def _expression(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    if feature.expression is None:
        return
    path = ("features", name, "expression")
    try:
        parse_arithmetic(feature.expression)
    except ExpressionError as error:
        place = part(scope, address_of(view), path, error.start, error.end)
        yield Diagnostic("bad-condition", error.message, place, help=_computed(view, name, feature.expression))
        return
    for item in read_by(feature):
        if item.name not in view.features:
            found = unknown_feature(scope, address_of(view), path, item.name, [other for other in view.features if other != name])
            place = part(scope, address_of(view), path, item.start, item.start + len(item.name))
            source = scope.meant(Source, view.from_)
            if source is not None and item.name in columns(source):
                message = f"`{item.name}` is a column, and an expression reads features"
                free = f"newest_{item.name}" if item.name in view.features else item.name
                yield Diagnostic(found.id, message, place, help=f"write `{free}: {{column: {item.name}}}` beside it")
                continue
            yield Diagnostic(found.id, found.message, place, found.caret, found.help, replacement=found.replacement)
        elif kind(scope, view, view.features[item.name]) in TEXTS:
            place = part(scope, address_of(view), path, item.start, item.start + len(item.name))
            message = f"`{item.name}` is a text, and arithmetic is of numbers"
            yield Diagnostic("wrong-column-type", message, place, help="name a feature that is a number")


_NO_FEATURE = re.compile(r"\b(?:if|else|case|when|iff?)\b", re.IGNORECASE)


def _computed(view: FeatureView, name: str, text: str) -> str:
    """What to write for an expression that cannot be read."""
    written = arithmetic(text)
    if written is not None:
        return f"write `{written}`" + (", and `empty: 0` for where there is nothing to divide by" if "/" in written and "(" in text else "")
    if _NO_FEATURE.search(text):
        return 'make a feature with a condition of it, such as `{sum: amount, over: 28d, where: "amount > 0"}`'
    others = [other for other, feature in view.features.items() if other != name and feature.expression is None and feature.last is None]
    first, second = (*others, "spend_28d", "trips_7d")[:2] if len(others) > 1 else ("spend_28d", "trips_7d")
    return f"compute with `+`, `-`, `*` and `/` alone, for example `{first} / {second}`"


def kind(scope: Scope, view: FeatureView, feature: Feature) -> str:
    """What a feature is: as its column, or that whose newest value it takes, and a float where it is computed."""
    source, named = scope.meant(Source, view.from_), feature.column or feature.last
    return columns(source).get(named, "float") if source is not None and named is not None else "float"


@question
def _empty(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    if feature.empty is not None and feature.last is not None and (held := kind(scope, view, feature)) in TEXTS:
        place = scope.where(address_of(view), ("features", name, "empty"), key=True)
        message = f"`empty` of feature `{name}` is a number, and `{feature.last}` is a {held}"
        yield Diagnostic("wrong-column-type", message, place, help="remove `empty`: a text that is missing stays missing")


@question
def _window(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    for word in ("over", "expires", "ago"):
        span = getattr(feature, word, None)
        if span is not None and not span:
            place = scope.where(address_of(view), ("features", name, word))
            yield Diagnostic(
                "out-of-range", f"`{word}` of feature `{name}` is no time at all", place, help=f"write for example `{word}: 28d`"
            )


@question
def _where(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    for word in ("where", "ratio"):
        text = getattr(feature, word, None)
        if text is not None:
            yield from condition(scope, scope.meant(Source, view.from_), address_of(view), ("features", name, word), text)


@question
def condition(scope: Scope, source: Source | None, here: Address, path: Path, text: str) -> Iterator[Diagnostic]:
    """What is wrong with a condition over the columns of a source, where that is known."""
    try:
        parsed = parse(text, texts=True)
    except ExpressionError as error:
        place = part(scope, here, path, error.start, error.end)
        help_ = _condition_mended(error, text, source, path)
        yield Diagnostic("bad-condition", error.message, place, help=help_, replacement=error.instead)
        return
    known = columns(source) if source is not None else None
    for leaf in parsed.leaves():
        place = part(scope, here, path, leaf.start, leaf.start + len(leaf.name))
        if known is not None and source is not None and leaf.name not in known:
            meant = nearest(leaf.name, known)
            caret, help_ = (f"did you mean `{meant}`?", f"write `{meant}`") if meant else (None, f"its columns are {listed(known)}")
            yield Diagnostic("unknown-column", f"{address_of(source)} has no column `{leaf.name}`", place, caret, help_, replacement=meant)
        elif isinstance(leaf, Truth):
            yield Diagnostic("bad-condition", f"`{leaf.name}` is a value: compare it", place, help=f"write for example `{leaf.name} > 0`")
        elif known is not None and source is not None:
            yield from _compared(address_of(source), leaf, known[leaf.name], place)


_THERE = re.compile(r"(\w+)\s+(?:is\s+not|!=|<>)\s+(?:null|none)\b", re.IGNORECASE)
"""A column of which a condition of another language wants that it has a value."""


def _condition_mended(error: ExpressionError, text: str, source: Source | None, path: Path) -> str:
    """What to write for a condition over columns that cannot be read."""
    written, there = mend(error, text, texts=True), _THERE.search(text)
    if there is not None and path[0] == "checks":
        full = f"a check of its own, `{{id: {there[1].replace('_', '-').casefold()}-missing, column: {there[1]}, missing: 0%}}`"
        return f"write `{written}`, and {full}" if written else f"write {full}"
    if there is not None and written is None:
        return f"remove it: `count: {there[1]}` counts the rows that have one"
    return f"write `{written}`" if written else f"write for example `{_condition_of(source)}`"


def _condition_of(source: Source | None) -> str:
    """A condition that holds of rows of a source."""
    known = columns(source) if source is not None else {}
    number = next((name for name, kind in known.items() if kind == "float"), None)
    return f"{number or 'amount'} > 0"


def _compared(source: Address, leaf: Compare | Same, kind: str, place: Span) -> Iterator[Diagnostic]:
    """A column against something of another type."""
    wanted = "a text in quotes" if kind in TEXTS else "no constant" if kind == "timestamp" else "a number"
    if (kind in TEXTS) is not isinstance(leaf, Same) or kind == "timestamp":
        message = f"`{leaf.name}` of {source} is a {kind}, and is compared with {wanted}"
        help_ = f"write for example `{leaf.name} == 'A'`" if kind in TEXTS else f"write for example `{leaf.name} > 0`"
        yield Diagnostic("wrong-column-type", message, place, help=help_ if kind != "timestamp" else "name a number or a category")
