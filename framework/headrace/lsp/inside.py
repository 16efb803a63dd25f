"""The word at a place inside of a value: a name of a condition, a column, or a variable after `${`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lsprotocol import types as lsp

from headrace.document.text import lines
from headrace.lsp.around import Around
from headrace.lsp.expected import Expected
from headrace.lsp.outline import Outline
from headrace.lsp.said import Said
from headrace.spec.name import Speaks

_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_TYPED = re.compile(r"[A-Za-z_][\w.-]*$|$")
_OPENED = re.compile(r"\$\{\s*([\w.]*)$")
_EXPRESSION = re.compile(r"\$\{\s*((?:var|env)\.[\w-]+)")
_SIGNS = ("and", "or", "not")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where it stands: the text of its line, that line's number, and the column, from 0 and in characters."""

    text: str
    line: int
    column: int

    @property
    def before(self) -> str:
        """What stands to its left."""
        return self.text[: self.column]


def cursor(text: str, line: int, column: int) -> Cursor:
    """A place of a text."""
    written = lines(text)
    return Cursor(written[line] if line < len(written) else "", line, column)


def expressions(here: Cursor, around: Around) -> list[lsp.CompletionItem] | None:
    """What may stand after `${`; None where the place is in no expression."""
    opened = _OPENED.search(here.before)
    if opened is None:
        return None
    closed = "" if here.text[here.column :].lstrip().startswith(("}", "|")) else "}"
    words = {f"var.{name}": f"`{value}`" for name, value in around.variables().items()}
    words |= {f"env.{name}": "A variable of the shell." for name in around.shell()}
    return [
        _item(word, here, opened.start(1), told, insert=word + closed, sort=str(int(word.startswith("env."))))
        for word, told in words.items()
    ]


def names(here: Expected, outline: Outline, said: Said, place: Cursor, around: Around) -> list[lsp.CompletionItem]:
    """The names that a text or a column may have."""
    speaks = here.mark(Speaks)
    if speaks is None or not said.in_value:
        return []
    typed = _TYPED.search(place.before)
    start = typed.start() if typed is not None else place.column
    taken = _beside(outline, said)
    return [_item(name, place, start, told) for name, told in around.names(outline, said.path, speaks).items() if name not in taken]


def _beside(outline: Outline, said: Said) -> set[str | None]:
    """The other items of the list in which a value stands."""
    if not said.path or not isinstance(said.path[-1], int):
        return set()
    return {item.value for item in outline.said if item.path[:-1] == said.path[:-1] and item.path != said.path}


def told(here: Expected, outline: Outline, said: Said, place: Cursor, around: Around) -> str | None:
    """What the name under the cursor is, in Markdown."""
    for match in _EXPRESSION.finditer(place.text):
        scope, _, name = match[1].partition(".")
        if match.start() <= place.column <= match.end() and scope == "var" and name in around.variables():
            return f"**{match[1]}**\n\n`{around.variables()[name]}`"
    speaks = here.mark(Speaks)
    word = next((found[0] for found in _words(place.text, place.column)), None)
    if speaks is None or word is None or not said.in_value:
        return None
    known = around.names(outline, said.path, speaks)
    return f"**{word}**\n\n{known[word]}".rstrip() if word in known else None


def _words(text: str, column: int) -> Iterable[re.Match[str]]:
    return (found for found in _WORD.finditer(text) if found.start() <= column <= found.end() and found[0] not in _SIGNS)


def _item(label: str, here: Cursor, start: int, told: str, *, insert: str | None = None, sort: str = "") -> lsp.CompletionItem:
    """It takes the place of what is typed already: an editor's own idea of a word often ends at a dot."""
    where = lsp.Range(lsp.Position(here.line, start), lsp.Position(here.line, here.column))
    return lsp.CompletionItem(
        label=label,
        kind=lsp.CompletionItemKind.Variable,
        text_edit=lsp.TextEdit(where, insert or label),
        filter_text=label,
        sort_text=f"0{sort}{label}",
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, told) if told else None,
    )
