"""Faults of form as the whole project tells them: a document alone knows no plugin's parameters, and no columns of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Span
from headrace.document import Scalar
from headrace.project.rules.columns import columns
from headrace.project.scope import Scope, address_of
from headrace.spec import Source
from headrace.spec.example import ASKED, of_column
from headrace.spec.unknown import UnknownError
from headrace.spec.wording import choice

Again = Mapping[tuple[str, Span], Diagnostic]
"""By what a fault was and where, what is said in its place."""


def again(found: Iterable[Diagnostic], better: Again) -> Iterator[Diagnostic]:
    """Faults, each in its best words."""
    for diagnostic in found:
        yield better.get((diagnostic.id, diagnostic.span), diagnostic) if better and diagnostic.span is not None else diagnostic


def retold(said: Iterable[Diagnostic], ruled: Iterable[Diagnostic], scope: Scope) -> dict[tuple[str, Span], Diagnostic]:
    """What rules know of keys that have no place where they stand, and where columns are asked for, those that there are."""
    strangers = {d.span: d for d in ruled if d.id in ("misplaced-key", "unknown-key")}
    found: dict[tuple[str, Span], Diagnostic] = {}
    for diagnostic in said:
        place = diagnostic.span
        if place is None or diagnostic.id not in ("misplaced-key", "unknown-key", "missing-key"):
            continue
        known = strangers.get(place) if diagnostic.id != "missing-key" else None
        if known is not None and (known.id == "misplaced-key" or diagnostic.replacement is None):
            found[diagnostic.id, place] = known
        elif diagnostic.id == "missing-key" and "COLUMN" in (diagnostic.help or ""):
            found[diagnostic.id, place] = _with_columns(diagnostic, place, scope)
    return found


def _with_columns(diagnostic: Diagnostic, place: Span, scope: Scope) -> Diagnostic:
    """The columns that there are, in the place of a word for them."""
    address = next((known for known, node in scope.nodes.items() if _within(place, node.span)), None)
    source = _source(scope, address) if address is not None else None
    if address is None or source is None:
        return diagnostic
    help_ = diagnostic.help or ""
    for kind, key in ASKED:
        if kind == address.kind:
            help_ = help_.replace(of_column(kind, key), _named(key, source))
    return replace(diagnostic, help=help_)


def _within(place: Span, whole: Span) -> bool:
    return place.file == whole.file and whole.line <= place.line <= whole.end_line


_SOURCES: Mapping[str, Path] = {"feature_view": ("from",), "model": ("features", "rows"), "batch": ("input",)}
"""Where a document says which source its columns are of."""


def _source(scope: Scope, address: Address) -> Source | None:
    node = scope.node(address, _SOURCES[address.kind]) if address.kind in _SOURCES else None
    try:
        return scope.meant(Source, str(Address.parse(node.text, "source"))) if isinstance(node, Scalar) else None
    except ValueError:
        return None


def _named(key: str, source: Source) -> str:
    """A key with the column that it must be, or with those that it may be."""
    try:
        known = columns(source)
        kinds = {"time": ("timestamp",), "column": ("int64", "float", "category")}.get(key, ("int64", "category"))
        fit = [name for name, kind in known.items() if kind in kinds]
    except UnknownError:
        return f"`{key}:` with one of its source's columns"
    if not fit:
        what = "a timestamp" if key == "time" else "a whole number or a category"
        return f"`{key}:` with {what}, of which {address_of(source)} has none"
    return f"`{key}: {fit[0]}`" if len(fit) == 1 else f"`{key}:` with {choice(f'`{name}`' for name in fit[:_SHOWN])}"


_SHOWN = 8
"""How many columns are named to choose from."""
