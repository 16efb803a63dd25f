"""What stands in a file, for an editor's outline: documents, their sections, and items with an id."""

from __future__ import annotations

from lsprotocol import types as lsp

from headrace.lsp.outline import Outline, outlines
from headrace.lsp.place import Lines
from headrace.lsp.said import Said


def symbols(text: str, lines: Lines) -> list[lsp.DocumentSymbol]:
    """Every document, each with its sections."""
    return [_document(outline, lines) for outline in outlines(text) if outline.said]


def _document(outline: Outline, lines: Lines) -> lsp.DocumentSymbol:
    kind, name = outline.value(("kind",)), outline.value(("name",))
    label = f"{kind}/{name}" if kind and name else kind or name or "a document"
    first, last = outline.said[0], outline.said[-1]
    whole = lines.range(first.line, first.start, last.line, len(lines.text(last.line)))
    named = next((said for said in outline.said if said.path == ("name",)), first)
    sections = [said for said in outline.said if len(said.path) == 1 and said.is_key and said.path[0] not in ("kind", "name")]
    children = [_section(outline, said, lines) for said in sections]
    return lsp.DocumentSymbol(
        label, lsp.SymbolKind.Class, whole, lines.range(named.line, named.start, named.line, named.end), children=children
    )


def _section(outline: Outline, said: Said, lines: Lines) -> lsp.DocumentSymbol:
    inside = [item for item in outline.said if item.path[:1] == said.path]
    last = max((item.line for item in inside), default=said.line)
    place = lines.range(said.line, said.start, last, len(lines.text(last)))
    items = [
        lsp.DocumentSymbol(item.value, lsp.SymbolKind.Object, there, there)
        for item in inside
        if item.value
        and item.path[-1] == "id"
        and (there := lines.range(item.value_line, item.value_start, item.value_line, item.value_end))
    ]
    return lsp.DocumentSymbol(
        str(said.path[0]), lsp.SymbolKind.Field, place, lines.range(said.line, said.start, said.line, said.end), children=items
    )
