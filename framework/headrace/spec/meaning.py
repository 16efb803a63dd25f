"""Whether a key says in another place what it says where it stands, and what lies between the two."""

from __future__ import annotations

from collections.abc import Sequence as Many

from pydantic import BaseModel

from headrace.address import Path
from headrace.document import Mapping, Node, Sequence
from headrace.spec.place import Place

Models = Many[type[BaseModel]]
"""The mappings around a key, outermost first."""

_IN_SECTION = 2
"""A document and its section."""
_ALWAYS = {
    **dict.fromkeys(("algorithm", "params", "split", "seed", "baseline", "tune", "cv", "early_stopping", "calibrate"), ("training",)),
    **dict.fromkeys(("entity", "target", "use"), ("features",)),
    **dict.fromkeys(("traffic", "port", "fallback"), ("serving",)),
    **dict.fromkeys(("judge", "strategy", "when_undecided"), ("rollout",)),
    **dict.fromkeys(("drift", "alerts"), ("monitoring",)),
}
"""Keys that mean one thing wherever they are written, with the section that has them."""


def one_meaning(key: str, around: Models, words: tuple[str, ...], home: Models) -> bool:
    """Whether a key means the same there: right above or below, beside it in one section, or one of few that always do."""
    around, home = tuple(around), tuple(home)
    if words == _ALWAYS.get(key) or home in (around[:-1], around) or home[:-1] == around:
        return True
    return len(around) > _IN_SECTION and len(home) > _IN_SECTION and home[:_IN_SECTION] == around[:_IN_SECTION]


def node_at(root: Place, path: Path) -> Node | None:
    """What stands at a path of the document, if anything."""
    node = root.node
    for part in path[len(root.path) :]:
        if isinstance(node, Mapping):
            entry = node.get(str(part))
            node = entry.value if entry is not None else None
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return node


def crosses(root: Place, path: Path, target: Mapping) -> bool:
    """Whether a mapping lies in another section than what stands at a path: what a key is worth there only its writer knows."""
    above = [node_at(root, path[:length]) for length in range(len(root.path), len(path) + 1)]
    if len(above) == 1 or any(node is target for node in above[-2:]):
        return False
    return above[1] is not target and not _holds(above[1], target)


def _holds(node: Node | None, target: Mapping) -> bool:
    match node:
        case Mapping(entries):
            return any(entry.value is target or _holds(entry.value, target) for entry in entries)
        case Sequence(items):
            return any(item is target or _holds(item, target) for item in items)
        case _:
            return False
