"""Every check of a source says one thing of columns that it has."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.project.rules.columns import absent, columns
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Source
from headrace.spec.source import Check


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All checks of all sources."""
    for source in scope.of(Source):
        yield from _checks(scope, source)


@question
def _checks(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    for position, item in enumerate(source.checks):
        path: Path = ("checks", position)
        yield from _bounds(scope, source, path, item)
        yield from _range(scope, source, path, item)
        yield from _columns(scope, source, path, item)
        yield from _number(scope, source, path, item)


@question
def _bounds(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    given = [word for word in ("range", "values", "missing", "unique") if getattr(item, word) is not None]
    if len(given) != 1:
        said = f"has {' and '.join(f'`{word}`' for word in given)}: one check says one thing" if given else "says nothing"
        mend = "make two checks of it" if given else "write one of `range: [0, 120]`, `values: [a, b]`, `missing: 1%`, `unique: [id]`"
        place = scope.where(here, (*path, *given[1:2]), key=bool(given))
        yield Diagnostic("check-bounds", f"check `{item.id}` {said}", place, help=mend)
    elif given[0] != "unique" and item.column is None:
        place = scope.where(here, (*path, given[0]), key=True)
        yield Diagnostic("check-bounds", f"check `{item.id}` does not say of which column", place, help="write for example `column: age`")
    elif given[0] == "unique" and item.column is not None:
        place = scope.where(here, (*path, "column"), key=True)
        message = f"check `{item.id}` names its columns twice: `unique` has them all"
        yield Diagnostic("check-bounds", message, place, help="remove `column`")


@question
def _range(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    if item.range is not None and item.range[0] >= item.range[1]:
        message = f"`range` of check `{item.id}` is empty: {item.range[0]:g} is not less than {item.range[1]:g}"
        yield Diagnostic("empty-range", message, scope.where(here, (*path, "range")), help="write the least value first")


@question
def _columns(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    named: list[tuple[Path, str]] = [((*path, "column"), item.column)] if item.column is not None else []
    named += [((*path, "unique", position), column) for position, column in enumerate(item.unique or ())]
    for place, column in named:
        found = absent(scope, here, place, column, source)
        if found is not None:
            yield found


@question
def _number(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    if item.range is not None and columns(source).get(item.column or "", "float") not in ("int64", "float"):
        message = f"check `{item.id}` has a range, and its column `{item.column}` is no number"
        yield Diagnostic("wrong-column-type", message, scope.where(here, (*path, "range")), help="write `values`, or name a number")
