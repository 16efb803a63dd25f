"""Faults of one environment or of several, as they are said: once, at the text that made them, with the variables that had a part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from headrace.diagnostics import Diagnostic, Span
from headrace.document import Mapping as MappingNode
from headrace.document import Node
from headrace.document import Sequence as SequenceNode
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
    named = [name for name, _ in found if name]
    for name, diagnostics in found:
        for diagnostic in diagnostics:
            key = (diagnostic.id, diagnostic.span, diagnostic.message)
            first.setdefault(key, diagnostic)
            if name and name not in names.setdefault(key, []):
                names[key].append(name)
    for key, diagnostic in first.items():
        some = names.get(key, [])
        if len(found) == 1 or not some or len(some) == len(named):
            yield diagnostic
        else:
            yield replace(diagnostic, message=f"{diagnostic.message} (in {' and '.join(f'environment/{name}' for name in some)})")


def unmixed(found: Sequence[Diagnostic], nodes: Iterable[Node]) -> Iterator[Diagnostic]:
    """The same faults, none of them with half a change: a key is left to its writer where its value is."""
    open_ = {d.span for d in found if not d.certain and d.span is not None and d.id in ("wrong-type", "bad-value", "missing-unit")}
    renamed = {d.span for d in found if d.certain and d.span is not None and d.id == "unknown-key" and not d.edits}
    files = {span.file for span in open_} & {span.file for span in renamed}
    pairs = (pair for node in nodes if node.span.file in files for pair in _entries(node))
    halves = {key for key, value in pairs if key in renamed and value in open_} if files else set()
    for diagnostic in found:
        yield replace(diagnostic, certain=False) if diagnostic.id == "unknown-key" and diagnostic.span in halves else diagnostic


def _entries(node: Node) -> Iterator[tuple[Span, Span]]:
    """Every key with its value."""
    match node:
        case MappingNode(entries):
            for entry in entries:
                yield entry.key_span, entry.value.span
                yield from _entries(entry.value)
        case SequenceNode(items):
            for item in items:
                yield from _entries(item)
        case _:
            pass
