"""What was made of what: nodes, edges from what went in to what came out, and the closure of one node in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """One thing. `id` names it for ever, such as `model/churn@7` or `data/sha256:…`; `told` is what is known of it, as JSON."""

    kind: str
    id: str
    label: str
    told: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, Any]:
        """As `headrace show lineage --json` prints it."""
        return {"id": self.id, "kind": self.kind, "label": self.label, **({"told": dict(self.told)} if self.told else {})}


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`end` was made of `start`, or came of it; `role` says as what."""

    start: str
    end: str
    role: str = ""

    def to_json(self) -> dict[str, str]:
        """As `headrace show lineage --json` prints it."""
        return {"from": self.start, "to": self.end, "role": self.role}


@dataclass(frozen=True)
class Graph:
    """Nodes by their ids, in the order in which they were found, and edges between them; both ends of an edge are always there."""

    nodes: Mapping[str, Node]
    edges: frozenset[Edge]

    @classmethod
    def of(cls, nodes: Iterable[Node], edges: Iterable[Edge]) -> Graph:
        """ValueError where an edge ends in nothing."""
        known = {node.id: node for node in nodes}
        found = frozenset(edges)
        if dangling := sorted(edge for edge in found if edge.start not in known or edge.end not in known):
            raise ValueError(f"an edge ends in nothing: {dangling[0]}")
        return cls(known, found)

    def made_of(self, id: str) -> frozenset[str]:  # noqa: A002 - the node's word
        """All that went into a node, however far back; the node itself is not among it."""
        return self._closure(id, _steps((edge.end, edge.start) for edge in self.edges))

    def led_to(self, id: str) -> frozenset[str]:  # noqa: A002 - the node's word
        """All that came of a node, however far on; the node itself is not among it."""
        return self._closure(id, _steps((edge.start, edge.end) for edge in self.edges))

    def around(self, id: str) -> Graph:  # noqa: A002 - the node's word
        """A node with all that went into it and all that came of it. KeyError where there is no such node."""
        kept = {self.nodes[id].id} | self.made_of(id) | self.led_to(id)
        nodes = [node for name, node in self.nodes.items() if name in kept]
        return Graph.of(nodes, (edge for edge in self.edges if edge.start in kept and edge.end in kept))

    def to_json(self) -> dict[str, Any]:
        """Nodes as they were found, edges sorted."""
        return {"nodes": [node.to_json() for node in self.nodes.values()], "edges": [edge.to_json() for edge in sorted(self.edges)]}

    def _closure(self, start: str, steps: Mapping[str, list[str]]) -> frozenset[str]:
        found, waiting = set[str](), [start]
        while waiting:
            new = [name for name in steps.get(waiting.pop(), ()) if name not in found and name != start]
            found.update(new)
            waiting += new
        return frozenset(found)


def _steps(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return found
