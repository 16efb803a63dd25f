"""What a project says it renamed: each thing once, from a name that is free to one that stands."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Address
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, question
from headrace.spec import Project

FIXED = ("project", "environment")
"""A store is found by their names, so that under another one nothing is found."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Whether every move can be carried out, alone and in a chain."""
    for address, spec in sorted(scope.specs.items(), key=lambda item: item[0]):
        if isinstance(spec, Project):
            yield from _check(scope, address, spec)


@question
def _check(scope: Scope, project: Address, spec: Project) -> Iterator[Diagnostic]:
    moves = [(Address.parse(item.from_), Address.parse(item.to)) for item in spec.moved]
    onward = dict(moves)
    circles = _circles(onward)
    olds: set[Address] = set()
    news: set[Address] = set()
    for position, (old, new) in enumerate(moves):
        from_, to = (scope.where(project, ("moved", position, key)) for key in ("from", "to"))
        twice, both = old in olds, new in news
        olds.add(old)
        news.add(new)
        if old.kind != new.kind:
            help_ = f"write `{old.kind}/{new.name}`"
            yield Diagnostic("moved-kind", f"{old} cannot become {new}: a move keeps the kind", to, help=help_)
        elif old.kind in FIXED:
            message = f"{old} cannot be renamed: what it remembers is found by its name"
            yield Diagnostic("moved-kind", message, from_, help="keep its name")
        elif twice:
            yield Diagnostic("moved-twice", f"{old} is moved twice", from_, help="keep one of the two lines")
        elif both:
            yield Diagnostic("moved-twice", f"two become {new}", to, help="keep one of the two lines: their histories cannot be one")
        elif old in circles:
            circle = circles[old]
            if circle:
                path = " → ".join(str(address) for address in (*_cut(circle), old))
                yield Diagnostic("moved-cycle", f"the moves lead in a circle: {path}", to, help="remove the line that was undone")
        elif old in scope.nodes:
            place = scope.where(old, ("name",))
            message = f"{old} still stands, in {place.file}:{place.line}: it was not moved"
            yield Diagnostic("moved-still-there", message, from_, help="remove that document, or this line", related=(place,))
        elif new.kind not in scope.unread and new not in scope.specs and new not in scope.broken and new not in onward:
            help_ = "correct the name; if it is gone since, remove this line"
            yield Diagnostic("moved-nowhere", f"{old} is moved to {new}, and there is no {new}", to, help=help_)


def _circles(onward: dict[Address, Address]) -> dict[Address, list[Address]]:
    """By each address that is part of a circle: all of it, under the least of its addresses, and nothing under the others."""
    found: dict[Address, list[Address]] = {}
    seen: set[Address] = set()
    for start in onward:
        trail: dict[Address, None] = {}
        at: Address | None = start
        while at is not None and at not in seen:
            seen.add(at)
            trail[at] = None
            at = onward.get(at)
        if at is None or at not in trail:
            continue  # it ends, or leads into what was walked already
        names = list(trail)
        circle = names[names.index(at) :]
        least = circle.index(min(circle))
        found |= {address: [] for address in circle}
        found[circle[least]] = [*circle[least:], *circle[:least]]
    return found


def _cut(circle: list[Address]) -> list[str]:
    """The addresses of a circle, as many as are read."""
    said = [str(address) for address in circle]
    return said if len(said) <= _READ else [*said[: _READ - 1], f"… {len(said) - _READ + 1} more …"]


_READ = 12
