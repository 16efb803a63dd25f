"""A graph as a picture: SVG that needs no other file, from what went in on the left to what came out on the right."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from headrace.registry.lineage.graph import Graph

_WIDE, _HIGH, _GAP, _BETWEEN = 210, 34, 90, 14
_SHOWN = 32
"""Letters of a label that a box holds; all of them are in its title."""
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'
_ARROW = (
    '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#64748b"/></marker></defs>'
)
_FILLS = {
    "version": "#dbeafe",
    "run": "#fef3c7",
    "predictions": "#dcfce7",
    "prediction": "#dcfce7",
    "outcomes": "#fce7f3",
    "weights": "#ede9fe",
}


def svg(graph: Graph, id: str) -> str:  # noqa: A002 - the node's word
    """The picture; the node that was asked about has a thick border. No script, no font, no address: it can be opened anywhere."""
    columns = _columns(graph, id)
    placed = _placed(graph, columns)
    width = (max(columns.values()) + 1) * (_WIDE + _GAP) - _GAP + 20
    height = max(y for _, y in placed.values()) + _HIGH + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {_FONT}>',
        f"<title>{_text('where ' + graph.nodes[id].label + ' came from, and what came of it')}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _ARROW,
    ]
    for edge in sorted(graph.edges):
        (x1, y1), (x2, y2) = placed[edge.start], placed[edge.end]
        start, end, bend = x1 + _WIDE, x2, _GAP / 2 if x2 > x1 else _GAP
        parts.append(
            f'<path d="M{start} {y1 + _HIGH / 2}C{start + bend} {y1 + _HIGH / 2} {end - bend} {y2 + _HIGH / 2} {end} {y2 + _HIGH / 2}"'
            f' fill="none" stroke="#64748b" marker-end="url(#to)"><title>{_text(edge.role)}</title></path>'
        )
    for name, node in graph.nodes.items():
        x, y = placed[name]
        label = node.label if len(node.label) <= _SHOWN else f"{node.label[: _SHOWN - 1]}…"
        parts.append(
            f'<g><title>{_text(name)}</title><rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="6"'
            f' fill="{_FILLS.get(node.kind, "#f1f5f9")}" stroke="#334155" stroke-width="{3 if name == id else 1}"/>'
            f'<text x="{x + 8}" y="{y + 21}" fill="#0f172a">{_text(label)}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])


def html(graph: Graph, id: str) -> str:  # noqa: A002 - the node's word
    """The picture as a page."""
    title = _text(graph.nodes[id].label)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>Lineage of {title}</title></head>\n<body>\n<h1>Lineage of {title}</h1>\n{svg(graph, id)}</body></html>\n"
    )


def _columns(graph: Graph, id_: str) -> dict[str, int]:
    """By how many steps each is before or after the node that was asked about."""
    found = {id_: 0}
    for direction in (-1, 1):
        edge_of = [(edge.end, edge.start) if direction < 0 else (edge.start, edge.end) for edge in graph.edges]
        steps: dict[str, list[str]] = {}
        for one, other in sorted(edge_of):
            steps.setdefault(one, []).append(other)
        now = [id_]
        while now:
            new = [name for one in now for name in steps.get(one, ()) if name not in found]
            for one in now:
                for name in steps.get(one, ()):
                    found.setdefault(name, found[one] + direction)
            now = list(dict.fromkeys(new))
    least = min(found.values())
    return {name: column - least for name, column in found.items()}


def _placed(graph: Graph, columns: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    rows: dict[int, int] = {}
    placed = {}
    for name in graph.nodes:
        column = columns[name]
        rows[column] = rows.get(column, -1) + 1
        placed[name] = (10 + column * (_WIDE + _GAP), 10 + rows[column] * (_HIGH + _BETWEEN))
    return placed


def _text(text: str) -> str:
    """Escaped; what XML cannot hold is left out."""
    return escape("".join(letter for letter in text if letter.isprintable()))
