"""What may be typed at a place: keys, values, and whole sections to fill in."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.document import write_flow
from headrace.lsp import inside
from headrace.lsp.around import Around
from headrace.lsp.expected import Expected, chosen, expected, names_of_keys
from headrace.lsp.hover import told
from headrace.lsp.outline import Outline, at
from headrace.lsp.said import Said
from headrace.spec import KINDS
from headrace.spec.place import filled, keys
from headrace.spec.vocabulary import Vocabulary
from headrace.spec.wording import wants

_DEEPEST = 3
"""How many levels of a section a snippet fills in."""


def complete(
    text: str, line: int, column: int, vocabulary: Vocabulary, around: Around | None = None, *, snippets: bool = True
) -> list[lsp.CompletionItem]:
    """What may stand at a place, the likeliest first; line and column count from 0, in characters."""
    around, cursor = around or Around(), inside.cursor(text, line, column)
    if (found := inside.expressions(cursor, around)) is not None:
        return found
    outline, said = at(text, line, column)
    return _at(outline, said, vocabulary, around, cursor, snippets=snippets) if said is not None else []


def _at(
    outline: Outline, said: Said, vocabulary: Vocabulary, around: Around, cursor: inside.Cursor, *, snippets: bool
) -> list[lsp.CompletionItem]:
    if outline.value(("kind",)) not in KINDS:
        return _kinds(said, snippets=snippets)
    if said.path == ("kind",) and said.in_value:
        return [_item(word, lsp.CompletionItemKind.EnumMember, told=model.__doc__) for word, model in KINDS.items()]
    if said.bare or (said.marked and not said.in_value):
        here = expected(outline, said.path[:-1], vocabulary)
        return _below(here, said.path[:-1], outline, said, vocabulary, snippets=snippets) if here is not None else []
    here = expected(outline, said.path, vocabulary)
    if here is None:
        return []
    found = inside.names(here, outline, said, cursor, around)
    found += [item for item in _values(here, vocabulary) if not found or item.kind != lsp.CompletionItemKind.Value]
    if not said.is_key:
        found += _below(here, said.path, outline, said, vocabulary, snippets=snippets)
    return found


def _kinds(said: Said, *, snippets: bool) -> list[lsp.CompletionItem]:
    """Of a document that has no kind yet."""
    if said.path == ("kind",) and said.in_value:
        return [_item(word, lsp.CompletionItemKind.EnumMember, told=model.__doc__) for word, model in KINDS.items()]
    if len(said.path) != 1 or said.in_value:
        return []
    found = []
    for word, model in KINDS.items():
        lines = [f"kind: {word}", *_required(model, _Stops(), 1, skip="kind")]
        insert = "\n".join(lines) if snippets else f"kind: {word}"
        found.append(_item(f"kind: {word}", lsp.CompletionItemKind.Struct, insert, told=model.__doc__, snippet=snippets))
    return found


def _below(
    here: Expected, path: tuple[str | int, ...], outline: Outline, said: Said, vocabulary: Vocabulary, *, snippets: bool
) -> list[lsp.CompletionItem]:
    """The keys that may stand in a mapping and do not yet; in the place of a list, its items."""
    if not chosen(here, path, outline) and here.inner is not None and here.inner.models and not said.flow:
        return _new_item(here.inner, snippets=snippets)
    there = outline.keys(path)
    found: list[lsp.CompletionItem] = []
    for model in chosen(here, path, outline):
        for key, info in keys(model).items():
            if key not in there:
                below = Expected(info.annotation, (*here.words, key), info)
                insert = _entry(key, below, flow=said.flow) if snippets else f"{key}: "
                item = _item(key, lsp.CompletionItemKind.Property, insert, told=told(below), snippet=snippets)
                item.detail = wants(info.annotation, info)
                item.sort_text = f"{'0' if filled(info) else '1'}{len(found):03}"
                found.append(item)
    kind = names_of_keys(here)
    names = vocabulary.names.get(kind, ()) if kind is not None else ()
    return found + [_item(name, lsp.CompletionItemKind.Reference, f"{name}: ") for name in names if name not in there]


def _new_item(inner: Expected, *, snippets: bool) -> list[lsp.CompletionItem]:
    """One more item of a list of sections."""
    model = inner.models[0]
    lines = _required(model, _Stops(), 1)
    insert = "- " + "\n  ".join(lines or ["$0"]) if snippets else "- "
    return [_item("- …", lsp.CompletionItemKind.Struct, insert, told=model.__doc__, snippet=snippets)]


def _values(here: Expected, vocabulary: Vocabulary) -> list[lsp.CompletionItem]:
    from headrace.spec.name import Registered

    axis = here.mark(Registered)
    words = vocabulary.words.get(axis, {}) if axis is not None else {}
    found = [
        _item(value, lsp.CompletionItemKind.EnumMember, told=words[value].told if value in words else None)
        for value in dict.fromkeys(here.values(vocabulary))
    ]
    if found or here.is_section:
        return found
    extra = here.field.json_schema_extra if here.field is not None else None
    example = extra.get("example") if isinstance(extra, dict) else None
    if example is None or isinstance(example, list | dict):
        return []
    return [_item(_flat(example), lsp.CompletionItemKind.Value, told="An example.")]


class _Stops:
    """Numbers of a snippet's stops, in their order."""

    def __init__(self) -> None:
        self.last = 0

    def stop(self, text: str) -> str:
        self.last += 1
        escaped = text.replace("\\", "\\\\").replace("$", "\\$").replace("}", "\\}")
        return f"${{{self.last}:{escaped}}}"


def _entry(key: str, below: Expected, *, flow: bool) -> str:
    """A key with what must stand behind it, as a snippet."""
    if flow:
        return f"{key}: {{$0}}" if below.is_section else f"{key}: [$0]" if below.inner is not None and not below.models else f"{key}: $0"
    return "\n".join(_lines(key, below, _Stops(), 0))


def _lines(key: str, below: Expected, stops: _Stops, depth: int) -> list[str]:
    listed = below.inner
    if below.models and below.is_section:
        inner = _required(below.models[0], stops, depth + 1) if depth < _DEEPEST else []
        return [f"{key}:", *(f"  {line}" for line in inner or [stops.stop("")])]
    if listed is not None and listed.models:
        first, *rest = (_required(listed.models[0], stops, depth + 1) if depth < _DEEPEST else []) or [stops.stop("")]
        return [f"{key}:", f"  - {first}", *(f"    {line}" for line in rest)]
    return [f"{key}: {stops.stop(_example(below.field))}"]


def _required(model: type[BaseModel], stops: _Stops, depth: int, skip: str | None = None) -> list[str]:
    """The keys that a section must have, each with an example."""
    found: list[str] = []
    for key, info in keys(model).items():
        if filled(info) and key != skip:
            found += _lines(key, Expected(info.annotation, (), info), stops, depth)
    return found


def _example(field: FieldInfo | None) -> str:
    extra = field.json_schema_extra if field is not None else None
    example = extra.get("example") if isinstance(extra, dict) else None
    if example is None and field is not None:
        from headrace.spec.place import literals

        example = next(iter(literals(field.annotation)), "")
    return _flat(example)


def _flat(value: Any) -> str:  # noqa: ANN401 - an example of any type
    return write_flow({"k": value})[1:-1].removeprefix("k: ")


def _item(
    label: str, kind: lsp.CompletionItemKind, insert: str | None = None, *, told: str | None = None, snippet: bool = False
) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        label=label,
        kind=kind,
        insert_text=insert,
        insert_text_format=lsp.InsertTextFormat.Snippet if snippet and insert is not None else None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, told) if told else None,
    )
