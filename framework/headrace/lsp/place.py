"""Places as an editor counts them, from 0 and in the units of its encoding, and as we do: characters."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types as lsp

from headrace.diagnostics import Span
from headrace.document.text import lines as lines_of

_UNITS = {lsp.PositionEncodingKind.Utf8.value: 1, lsp.PositionEncodingKind.Utf16.value: 2, lsp.PositionEncodingKind.Utf32.value: 4}


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text, and the encoding that a client counts in."""

    written: tuple[str, ...]
    encoding: str

    @classmethod
    def of(cls, text: str, encoding: str) -> Lines:
        """Of a text."""
        return cls(tuple(lines_of(text)), encoding)

    def text(self, line: int) -> str:
        """One line, or nothing beyond the end."""
        return self.written[line] if 0 <= line < len(self.written) else ""

    def column(self, position: lsp.Position) -> int:
        """A client's column in characters."""
        text, units = self.text(position.line), 0
        for column, character in enumerate(text):
            if units >= position.character:
                return column
            units += self._units(character)
        return len(text)

    def position(self, line: int, column: int) -> lsp.Position:
        """A place in characters as the client counts."""
        return lsp.Position(line, self._units(self.text(line)[:column]))

    def range(self, line: int, start: int, end_line: int, end: int) -> lsp.Range:
        """A range, likewise."""
        return lsp.Range(self.position(line, start), self.position(end_line, end))

    def span(self, span: Span) -> lsp.Range:
        """A span of a diagnostic, whose lines and columns count from 1."""
        return self.range(span.line - 1, span.column - 1, span.end_line - 1, span.end_column - 1)

    def _units(self, text: str) -> int:
        size = _UNITS.get(self.encoding, 2)
        return len(text.encode({1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[size], "surrogatepass")) // size
