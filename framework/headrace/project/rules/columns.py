"""Every column that is named exists in its source, with a type that fits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.project.tasks import task_of
from headrace.spec import FeatureView, Model, Source
from headrace.spec.feature_view import OF_COLUMNS, Feature
from headrace.spec.source import TEXTS
from headrace.spec.unknown import UNKNOWN
from headrace.spec.wording import certain, listed, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Sources, views, and the rows of models."""
    for source in scope.of(Source):
        yield from _arrival(scope, source)
        yield from _available(scope, source)
    for view in scope.of(FeatureView):
        yield from _view(scope, view)
    for model in scope.of(Model):
        yield from _rows(scope, model)


def columns(source: Source) -> dict[str, str]:
    """A source's columns with their types, the time that its rows are given included."""
    return _columns(_This(source))


class _This:
    """A source, the same as no other: every feature of a view asks for its columns again, and it never changes."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and self.source is other.source

    def __hash__(self) -> int:
        return id(self.source)


@lru_cache(maxsize=8)
def _columns(this: _This) -> dict[str, str]:
    source = this.source
    found: dict[str, str] = {name: getattr(column, "type", UNKNOWN) for name, column in source.columns.items()}
    return found | {source.arrival.time: "timestamp"} if source.arrival is not None else found


def absent(scope: Scope, address: Address, path: Path, name: str, source: Source) -> Diagnostic | None:
    """The fault that a column does not exist."""
    known = columns(source)
    if name in known:
        return None
    meant = nearest(name, known)
    return Diagnostic(
        "unknown-column",
        f"{address_of(source)} has no column `{name}`",
        scope.where(address, path),
        caret=f"did you mean `{meant}`?" if meant else None,
        help=f"write `{meant}`" if meant else f"its columns are {listed(known)}",
        replacement=meant,
        certain=certain(name, known, shortest=5),
    )


@question
def _arrival(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    if source.arrival is None:
        return
    here = address_of(source)
    if source.arrival.spread not in source.columns:
        found = absent(scope, here, ("arrival", "spread"), source.arrival.spread, source)
        if found is not None:
            yield found
    if source.arrival.time in source.columns:
        message = f"`arrival` makes the column `{source.arrival.time}`, and `columns` has one of that name"
        yield Diagnostic("duplicate-column", message, scope.where(here, ("arrival", "time")), help="rename one of them")


@question
def _available(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    if source.available_at is None:
        return
    here, path = address_of(source), ("available_at",)
    found = absent(scope, here, path, source.available_at, source)
    if found is not None:
        yield found
    elif columns(source)[source.available_at] != "timestamp":
        yield _not_time(scope, here, path, source.available_at, source)


@question
def _view(scope: Scope, view: FeatureView) -> Iterator[Diagnostic]:
    source = scope.meant(Source, view.from_)
    if source is None:
        return
    yield from _named(scope, view, [((word,), getattr(view, word, None)) for word in ("entity", "time")], source)
    yield from _ties(scope, view, source)
    yield from _features(scope, view, source)
    yield from _time(scope, view, source)


@question
def _ties(scope: Scope, view: FeatureView, source: Source) -> Iterator[Diagnostic]:
    yield from _named(scope, view, [(("tie_break", position), column) for position, column in enumerate(view.tie_break)], source)


@question
def _features(scope: Scope, view: FeatureView, source: Source) -> Iterator[Diagnostic]:
    for name, feature in view.features.items():
        given = ((word, getattr(feature, word, None)) for word in OF_COLUMNS)
        yield from _named(scope, view, [(("features", name, word), column) for word, column in given if column is not None], source)
        if getattr(feature, "range", None) is not None:
            yield from _ranged(scope, view, name, feature, source)


@question
def _named(scope: Scope, spec: FeatureView | Model, named: list[tuple[Path, str | None]], source: Source) -> Iterator[Diagnostic]:
    """The columns that fields name; None for a field that names none, or could not be read."""
    for path, column in named:
        if column is not None and (path[-1], column) != ("count", "rows"):
            found = absent(scope, address_of(spec), path, column, source)
            if found is not None:
                yield found


@question
def _time(scope: Scope, view: FeatureView, source: Source) -> Iterator[Diagnostic]:
    if columns(source).get(view.time, "timestamp") != "timestamp":
        yield _not_time(scope, address_of(view), ("time",), view.time, source)


@question
def _ranged(scope: Scope, view: FeatureView, name: str, feature: Feature, source: Source) -> Iterator[Diagnostic]:
    here, path = address_of(view), ("features", name, "range")
    if feature.range is None:
        return
    ranged = feature.column or feature.last
    if ranged is not None and (kind := columns(source).get(ranged)) in TEXTS:
        message = f"`{name}` has a range, and its column `{ranged}` is a {kind}"
        yield Diagnostic("wrong-column-type", message, scope.where(here, path), help="remove `range`, or make the column a number")
    elif feature.range[0] >= feature.range[1]:
        message = f"`range` of `{name}` is empty: {feature.range[0]:g} is not less than {feature.range[1]:g}"
        yield Diagnostic("empty-range", message, scope.where(here, path), help="write the least value first")


def _not_time(scope: Scope, address: Address, path: Path, column: str, source: Source) -> Diagnostic:
    message = f"`{column}` of {address_of(source)} is no timestamp"
    return Diagnostic("wrong-column-type", message, scope.where(address, path), help="name a timestamp, or give the source an `arrival`")


@question
def _rows(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    source = scope.meant(Source, model.features.rows)
    if source is None:
        return
    section = model.features
    target = getattr(section, "target", None)
    named: list[tuple[Path, str | None]] = [(("features", word), getattr(section, word, None)) for word in ("entity", "time", "group")]
    named.append((("features", "target", "column"), getattr(target, "column", None)))
    yield from _named(scope, model, named, source)
    yield from _row_time(scope, model, source)
    yield from _target(scope, model, source)
    yield from _group(scope, model, source)


@question
def _group(scope: Scope, model: Model, source: Source) -> Iterator[Diagnostic]:
    """What names a group is read as text, and a request carries it."""
    group = model.features.group
    kind = columns(source).get(group) if group is not None else None
    if kind in ("timestamp", "float"):
        place = scope.where(address_of(model), ("features", "group"))
        message = f"the group `{group}` is a {kind}, and a group has a name: text, or a whole number"
        yield Diagnostic("wrong-column-type", message, place, help="name a column of type `category` or `int64`")


@question
def _row_time(scope: Scope, model: Model, source: Source) -> Iterator[Diagnostic]:
    if columns(source).get(model.features.time, "timestamp") != "timestamp":
        yield _not_time(scope, address_of(model), ("features", "time"), model.features.time, source)


@question
def _target(scope: Scope, model: Model, source: Source) -> Iterator[Diagnostic]:
    here, section, known = address_of(model), model.features, columns(source)
    task, kind = task_of(model, scope.plugins), known.get(section.target.column)
    wanted = ("int64", "category") if task == "multiclass" else ("int64", "float")
    if kind is None or kind in wanted or (task is None and kind == "category"):
        return
    said = "a model of several classes predicts a text or a whole number" if task == "multiclass" else "a model predicts a number"
    several = kind == "category" and task == "binary"
    instead = "category" if task == "multiclass" and kind == "text" else "int64"
    place = scope.where(here, ("features", "target", "column"))
    help_ = f"give the column the type `{instead}`" + (", or write `algorithm: lightgbm.multiclass` for several classes" if several else "")
    yield Diagnostic("wrong-column-type", f"the target `{section.target.column}` is a {kind}, and {said}", place, help=help_)
