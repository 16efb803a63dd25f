"""A node's value, without its place."""

from __future__ import annotations

from typing import Any

from headrace.document import Mapping, Node, Scalar, Sequence


def plain(node: Node, texts: frozenset[int] = frozenset()) -> Any:  # noqa: ANN401 - the language's values
    """A node's value: mappings as dict, lists as tuple; of the scalars in `texts` (by identity) the text."""
    match node:
        case Scalar(value):
            return node.text if texts and id(node) in texts else value
        case Sequence(items):
            return tuple(plain(item, texts) for item in items)
        case Mapping(entries):
            return {entry.key: plain(entry.value, texts) for entry in entries}
