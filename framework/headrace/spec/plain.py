"""A node's value, without its place."""

from __future__ import annotations

from typing import Any

from headrace.document import Mapping, Node, Scalar, Sequence


def plain(node: Node, texts: frozenset[int] = frozenset()) -> Any:  # noqa: ANN401 - the language's values
    """A node's value: mappings as dict, lists as tuple; of the scalars in `texts` (by identity) the text."""
    match node:
        case Scalar():
            return node.text if texts and id(node) in texts else node.value
        case Sequence():
            return tuple([plain(item, texts) for item in node.items])
        case Mapping() if texts:
            return {key: plain(value, texts) for key, _, value in node.entries}
        case Mapping():
            # Most of what a mapping holds is a word or a number.
            return {key: value.value if type(value) is Scalar else plain(value) for key, _, value in node.entries}
