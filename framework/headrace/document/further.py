"""Text read further than its first fault: a slip in one line is read as it was meant, and every place is told as it is in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headrace.diagnostics import Diagnostic, Edit, Span
from headrace.document.node import Entry, Mapping, Node, Scalar, Sequence

MOST = 20
"""How many faults of one text are read past."""


@dataclass(frozen=True, slots=True)
class Past:
    """A change of one line, past which a text was read."""

    edit: Edit

    def column(self, line: int, column: int) -> int:
        """Where a character of the changed text stands in the text before."""
        span, longer = self.edit.span, len(self.edit.text) - (self.edit.span.end_column - self.edit.span.column)
        if line != span.line or column <= span.column:
            return column
        if column >= span.column + len(self.edit.text):
            return column - longer
        return min(max(span.column, column - 1), span.end_column)

    def span(self, span: Span) -> Span:
        """Where a part of the changed text stands in the text before."""
        first, last = self.column(span.line, span.column), self.column(span.end_line, span.end_column)
        return Span(span.file, span.line, first, span.end_line, last)


def past(found: Diagnostic) -> Past | None:
    """How to read past a fault: None where it cannot be told, or would take more than one line."""
    change = found.change
    if len(change) != 1 or change[0].span.line != change[0].span.end_line or "\n" in change[0].text:
        return None
    return Past(change[0])


def nodes(changed: Iterable[Node], by: Past) -> tuple[Node, ...]:
    """The documents of a changed text in their own places."""
    return tuple(_node(node, by) for node in changed)


def faults(changed: Iterable[Diagnostic], by: Past) -> list[Diagnostic]:
    """The faults of a changed text in their own places."""
    return [
        replace(
            found,
            span=by.span(found.span) if found.span is not None else None,
            related=tuple(by.span(span) for span in found.related),
            edits=tuple(Edit(by.span(edit.span), edit.text) for edit in found.edits),
        )
        for found in changed
    ]


def _node(node: Node, by: Past) -> Node:
    match node:
        case Scalar():
            return node._replace(span=by.span(node.span))
        case Sequence(items, span):
            return Sequence(tuple(_node(item, by) for item in items), by.span(span))
        case Mapping(entries, span):
            return Mapping(tuple(Entry(e.key, by.span(e.key_span), _node(e.value, by)) for e in entries), by.span(span))
