"""Every check of a source says one thing of columns that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.rules.columns import absent, columns
from headrace.project.rules.views import condition
from headrace.project.scope import Scope, address_of, question
from headrace.spec import FeatureView, Model, Source
from headrace.spec.source import OF_A_COLUMN, SAYS, TEXTS, Check


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
        yield from _pattern(scope, source, path, item)
        yield from _columns(scope, source, path, item)
        yield from _types(scope, source, path, item)
        yield from _holds(scope, source, path, item)
        yield from _others(scope, source, path, item)
        yield from _training(scope, source, path, item)


@question
def _bounds(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    here = address_of(source)
    given = [word for word in SAYS if getattr(item, word) is not None]
    if len(given) != 1:
        said = f"has {' and '.join(f'`{word}`' for word in given)}: one check says one thing" if given else "says nothing"
        mend = "make two checks of it" if given else "write one of `range: [0, 120]`, `values: [a, b]`, `missing: 1%`, `unique: [id]`"
        place = scope.where(here, (*path, *given[1:2]), key=bool(given))
        yield Diagnostic("check-bounds", f"check `{item.id}` {said}", place, help=mend)
    elif given[0] in OF_A_COLUMN and item.column is None:
        place = scope.where(here, (*path, given[0]), key=True)
        yield Diagnostic("check-bounds", f"check `{item.id}` does not say of which column", place, help="write for example `column: age`")
    elif given[0] not in OF_A_COLUMN and item.column is not None:
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
    if item.monotone is not None:
        order = (("along", item.monotone.along), ("within", item.monotone.within))
        named += [((*path, "monotone", word), column) for word, column in order if column is not None]
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
        ("values", (*TEXTS,), "write `range`, or name a category"),
        ("pattern", (*TEXTS,), "write `range`, or name a category"),
        ("fresh_within", ("timestamp",), "name a timestamp"),
        ("ahead_at_most", ("timestamp",), "name a timestamp"),
        ("monotone", ("int64", "float", "timestamp"), "name a number or a timestamp"),
        ("like", ("int64", "float", *TEXTS), "name a number or a category"),
    ):
        if getattr(item, word) is not None and kind is not None and kind not in kinds:
            what = "no number" if word == "range" else f"a {kind}, and no text" if word in ("values", "pattern") else f"a {kind}"
            said = f"check `{item.id}` has a range, and its" if word == "range" else f"check `{item.id}` has `{word}`, and its"
            yield Diagnostic("wrong-column-type", f"{said} column `{item.column}` is {what}", scope.where(here, (*path, word)), help=mend)


@question
def _holds(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    if item.holds is not None:
        yield from condition(scope, source, address_of(source), (*path, "holds"), item.holds)


@question
def _training(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    """A reference is a source or a training; that of a training is the column itself, of a source that the model reads."""
    like, here = item.like, address_of(source)
    if like is None or like.training is None:
        return
    for word in ("source", "column"):
        if getattr(like, word) is not None:
            place = scope.where(here, (*path, "like", word), key=True)
            said = "has `training` and `source`: one of them is the reference" if word == "source" else "names a column of a training"
            mend = "remove one of them" if word == "source" else "remove it: a training is compared with in the same column"
            yield Diagnostic("check-bounds", f"`like` of check `{item.id}` {said}", place, help=mend)
    model = scope.get(Model, like.training)
    if model is not None and str(here) not in _read(scope, model):
        place = scope.where(here, (*path, "like", "training"))
        message = f"{like.training} reads no row of {here}: its training has nothing to compare with"
        yield Diagnostic("check-bounds", message, place, help="name a model whose rows or features are of this source")


def _read(scope: Scope, model: Model) -> set[str]:
    views = (scope.get(FeatureView, Address("feature_view", name)) for name in model.features.use)
    return {model.features.rows, *(view.from_ for view in views if view is not None)}


@question
def _others(scope: Scope, source: Source, path: Path, item: Check) -> Iterator[Diagnostic]:
    """The column of another source, to which one refers or is like: it is there, and of the same kind."""
    for word, other, named in (
        ("refers", item.refers.to if item.refers is not None else None, item.refers.column if item.refers is not None else None),
        ("like", item.like.source if item.like is not None else None, (item.like.column or item.column) if item.like is not None else None),
    ):
        found = scope.get(Source, other) if other is not None else None
        if found is None or named is None:
            continue
        here, place = address_of(source), (*path, word, "column")
        gone = absent(scope, here, place, named, found)
        if gone is not None:
            yield gone
            continue
        kinds = {_KINDS.get(columns(of).get(column or "", ""), "") for of, column in ((source, item.column), (found, named))} - {""}
        if len(kinds) > 1:
            message = f"check `{item.id}` compares `{item.column}`, a {columns(source)[item.column or '']}, with `{named}` of {other}"
            said = f"{message}, a {columns(found)[named]}"
            yield Diagnostic("wrong-column-type", said, scope.where(here, place), help="name columns of one type")


_KINDS = {"int64": "number", "float": "number", "category": "text", "text": "text", "timestamp": "moment"}
"""What can be compared with each other."""
