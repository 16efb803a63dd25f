"""Every valid document of the repository, and every change of one key of it, as nodes whose places nest like the text's."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.diagnostics import Report, Span
from headrace.document import Entry, Mapping, Node, Scalar, Sequence, parse
from headrace.spec.decode import decode, plain

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
from test_cases import ALL, written  # noqa: E402 - beside the folder that pytest puts in the path

Keys = tuple[str | int, ...]


def texts(folder: Path) -> Iterator[str]:
    """specs/, the goldens, the docs, and every case in which nothing is wrong."""
    root = TESTS.parent
    for path in (*sorted(root.glob("specs/*.yaml")), *sorted(root.glob("tests/golden/*/specs/*.yaml"))):
        yield path.read_text(encoding="utf-8")
    for path in sorted(root.glob("framework/docs/**/*.md")):
        yield from (block.split("```")[0] for block in path.read_text(encoding="utf-8").split("```yaml\n")[1:])
    for number, case in enumerate(ALL):
        if any("error: [" in text or info.startswith(("output", "file")) for info, text in case.blocks):
            continue
        here = folder / str(number)
        here.mkdir()
        written(case, here)
        yield from (path.read_text(encoding="utf-8") for path in sorted((here / "specs").iterdir()))


def documents(folder: Path) -> list[dict[str, Any]]:
    """Each once."""
    found = {}
    for text in texts(folder):
        for node in parse(text, "f", Report()):
            if decode(node, Report()) is not None:
                value = plain(node)
                found[repr(value)] = value
    return list(found.values())


class Placed:
    """Nodes for plain values: each key and each value has lines of its own, within those of what holds it."""

    def __init__(self) -> None:
        self.line = 0

    def node(self, value: Any) -> Node:
        first = self.next()
        match value:
            case dict():
                entries = tuple(Entry(key, self.span(self.next()), self.node(inner)) for key, inner in value.items())
                return Mapping(entries, self.span(first))
            case tuple() | list():
                return Sequence(tuple(self.node(inner) for inner in value), self.span(first))
            case _:
                text = {None: "", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, float) else str(value)
                return Scalar(value, text, self.span(first), '"' if isinstance(value, str) else "")

    def next(self) -> int:
        self.line += 1
        return self.line

    def span(self, first: int) -> Span:
        return Span("f", first, 1, self.next(), 1)


def at(node: Node | None, path: Keys) -> tuple[Node | None, Span | None]:
    """A node, and the key under which it stands."""
    key = None
    for part in path:
        if isinstance(node, Mapping):
            entry = node.get(str(part))
            if entry is None:
                return None, key
            node, key = entry.value, entry.key_span
        elif isinstance(node, Sequence) and isinstance(part, int):
            node = node.items[part]
    return node, key


def mappings(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """Every mapping; of a list the first item stands for all."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from mappings(inner, (*path, key))
    elif isinstance(value, tuple) and value:
        yield from mappings(value[0], (*path, 0))


def changed(document: Any, path: Keys, change: Any) -> Any:
    """The document with the mapping at a path put through a function."""
    if not path:
        return change(document)
    if isinstance(document, dict):
        return {key: changed(value, path[1:], change) if key == path[0] else value for key, value in document.items()}
    return tuple(changed(value, path[1:], change) if i == path[0] else value for i, value in enumerate(document))
