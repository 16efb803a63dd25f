"""A graph as text: what a node was made of, and what came of it, each thing told once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.registry.lineage.graph import Edge, Graph


def tree(graph: Graph, id: str) -> str:  # noqa: A002 - the node's word
    """Two trees from one node: backwards and forwards. What stands above already is named again without what hangs on it."""
    made, led = _by(graph, backwards=True), _by(graph, backwards=False)
    lines = [graph.nodes[id].label]
    for title, steps in (("made of", made), ("led to", led)):
        lines += [f"  {title}", *(_branch(graph, steps, id, "    ", {id}))] if id in steps else [f"  {title}: nothing that is known"]
    return "\n".join(lines)


def _by(graph: Graph, *, backwards: bool) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    order = {name: place for place, name in enumerate(graph.nodes)}

    def place(edge: Edge) -> tuple[int, str]:
        return order[edge.start if backwards else edge.end], edge.role

    for edge in sorted(graph.edges, key=place):
        one, other = (edge.end, edge.start) if backwards else (edge.start, edge.end)
        found.setdefault(one, []).append((other, edge.role))
    return found


def _branch(graph: Graph, steps: Mapping[str, list[tuple[str, str]]], id_: str, indent: str, seen: set[str]) -> Iterator[str]:
    # By hand, since a chain of a thousand retrainings is deeper than Python calls itself.
    waiting = [(name, role, indent) for name, role in reversed(steps[id_])]
    while waiting:
        name, role, before = waiting.pop()
        known = name in seen
        told = f"{before}{graph.nodes[name].label}" + (f"  [{role}]" if role else "")
        yield told + ("  (above)" if known and name in steps else "")
        if not known:
            seen.add(name)
            waiting += [(after, word, before + "  ") for after, word in reversed(steps.get(name, []))]
