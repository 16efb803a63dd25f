"""Every check of a source says one thing of columns that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.project.rules.columns import absent, columns
from headrace.project.rules.views import condition
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Source
from headrace.spec.secret import REFERENCE
from headrace.spec.source import SAYS, Check


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All checks of all sources."""
    for source in scope.of(Source):
        yield from _place(scope, source)
        yield from _checks(scope, source)


_READ = ("file", "package")
"""Schemes of a source's address."""


@question
def _place(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    """An address from which nothing reads rows."""
    scheme, separator, _ = source.uri.partition("://")
    if separator and scheme not in _READ and not REFERENCE.fullmatch(source.uri):
        message = f"rows are read from files, and `{scheme[:20]}://` is none"
        help_ = "save the rows as Parquet or CSV, and write the file's path, such as `uri: data/rows.parquet`"
        yield Diagnostic("unsupported-source", message, scope.where(address_of(source), ("uri",), key=True), help=help_)


_OF_A_COLUMN = ("range", "values", "pattern", "missing")


@question
def _checks(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    for position, item in enumerate(source.checks):
        path: Path = ("checks", position)
        yield from _bounds(scope, source, path, item)
        yield from _range(scope, source, path, item)
        yield from _pattern(scope, source, path, item)
        yield from _columns(scope, source, path, item)
        yield from _types(scope, source, path, item)
        yield from _holds(scope, source, path, item)


@question
def _bounds(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    given = [word for word in SAYS if getattr(item, word) is not None]
    if len(given) != 1:
        said = f"has {' and '.join(f'`{word}`' for word in given)}: one check says one thing" if given else "says nothing"
        mend = "make two checks of it" if given else "write one of `range: [0, 120]`, `values: [a, b]`, `missing: 1%`, `unique: [id]`"
        place = scope.where(here, (*path, *given[1:2]), key=bool(given))
        yield Diagnostic("check-bounds", f"check `{item.id}` {said}", place, help=mend)
    elif given[0] in _OF_A_COLUMN and item.column is None:
        place = scope.where(here, (*path, given[0]), key=True)
        yield Diagnostic("check-bounds", f"check `{item.id}` does not say of which column", place, help="write for example `column: age`")
    elif given[0] not in _OF_A_COLUMN and item.column is not None:
        place = scope.where(here, (*path, "column"), key=True)
        said = (
            "names its columns twice: `unique` has them all" if given[0] == "unique" else f"names a column: `{given[0]}` is of whole rows"
        )
        yield Diagnostic("check-bounds", f"check `{item.id}` {said}", place, help="remove `column`")


@question
def _range(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    for word, bounds in (("range", item.range), ("rows", item.rows)):
        if bounds is not None and (bounds[0] >= bounds[1] if word == "range" else bounds[0] > bounds[1]):
            message = f"`{word}` of check `{item.id}` is empty: {bounds[0]:g} is not less than {bounds[1]:g}"
            yield Diagnostic("empty-range", message, scope.where(here, (*path, word)), help="write the least value first")


@question
def _pattern(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    if item.pattern is None:
        return
    try:
        re.compile(item.pattern)
        why = "it looks around, or back, which the engine cannot" if _BEYOND.search(item.pattern) else None
    except re.error as error:
        why = error.msg
    if why is not None:
        place = scope.where(address_of(source), (*path, "pattern"))
        message = f"`pattern` of check `{item.id}` is no regular expression: {why}"
        yield Diagnostic("bad-pattern", message, place, help="write for example `[A-Z]{2}[0-9]+`")


_BEYOND = re.compile(r"(?<!\\)(?:\\\\)*(?:\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9])")
"""What Python's regular expressions have and those of the engine (RE2) have not."""


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
def _types(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    kind = columns(source).get(item.column or "")
    for word, kinds, mend in (
        ("range", ("int64", "float"), "write `values`, or name a number"),
        ("values", ("category",), "write `range`, or name a category"),
        ("pattern", ("category",), "write `range`, or name a category"),
    ):
        if getattr(item, word) is not None and kind is not None and kind not in kinds:
            what = "no number" if word == "range" else f"a {kind}, and no text"
            said = f"check `{item.id}` has a range, and its" if word == "range" else f"check `{item.id}` has `{word}`, and its"
            yield Diagnostic("wrong-column-type", f"{said} column `{item.column}` is {what}", scope.where(here, (*path, word)), help=mend)


@question
def _holds(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    if item.holds is not None:
        yield from condition(scope, source, address_of(source), (*path, "holds"), item.holds)
