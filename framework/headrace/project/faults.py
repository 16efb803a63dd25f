"""Faults of one environment or of several, as they are said: once, at the text that made them, with the variables that had a part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from headrace.diagnostics import Diagnostic, Span
from headrace.project.overlay import by_place, relocated
from headrace.spec.value import Use


def explained(
    found: Iterable[Diagnostic], uses: Mapping[Span, tuple[Use, ...]], removed: Mapping[tuple[Span, str], Span]
) -> Iterator[Diagnostic]:
    """Each fault where its reader can mend it; a replaced value has its variable beside it, and no edit that would write over it."""
    places = by_place(removed)
    for diagnostic in found:
        here = uses.get(diagnostic.span, ()) if diagnostic.span is not None else ()
        if here and diagnostic.id != "misplaced-expression":
            given = tuple(use.place for use in here if use.place is not None)
            names = " and ".join(dict.fromkeys(f"`{use.name}`" for use in here))
            caret = f"its value is made of {names}"
            help_ = f"give {names} another value" if diagnostic.replacement is not None else diagnostic.help
            yield replace(diagnostic, caret=caret, help=help_, replacement=None, related=(*diagnostic.related, *given))
        else:
            yield relocated(diagnostic, places) if places else diagnostic


def merged(found: Sequence[tuple[str | None, Sequence[Diagnostic]]]) -> Iterator[Diagnostic]:
    """Each fault once; one that only some environments have names them."""
    names: dict[tuple[str, Span | None, str], list[str]] = {}
    first: dict[tuple[str, Span | None, str], Diagnostic] = {}
    for name, diagnostics in found:
        for diagnostic in diagnostics:
            key = (diagnostic.id, diagnostic.span, diagnostic.message)
            first.setdefault(key, diagnostic)
            if name is not None and name not in names.setdefault(key, []):
                names[key].append(name)
    for key, diagnostic in first.items():
        some = names.get(key, [])
        if len(found) == 1 or len(some) == len(found):
            yield diagnostic
        else:
            yield replace(diagnostic, message=f"{diagnostic.message} (in {' and '.join(f'environment/{name}' for name in some)})")
