"""Nothing is made of itself: features of expressions, ensembles of ensembles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headrace.diagnostics import Diagnostic, Span
from headrace.project.rules.views import read_by
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Ensemble, FeatureView


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Each circle as the path that leads back to its beginning."""
    for view in scope.of(FeatureView):
        yield from _view(scope, view)
    yield from _ensembles(scope)


@question
def _view(scope: Scope, view: FeatureView) -> Iterator[Diagnostic]:
    for circle in circles({name: [item.name for item in read_by(feature)] for name, feature in view.features.items()}):
        place = scope.where(address_of(view), ("features", circle[0], "expression"))
        yield _made_of_itself(circle, place, "let one of them read a column")


@question
def _ensembles(scope: Scope) -> Iterator[Diagnostic]:
    ensembles = {str(address_of(ensemble)): ensemble for ensemble in scope.of(Ensemble)}
    for circle in circles({name: [member.model for member in ensemble.members] for name, ensemble in ensembles.items()}):
        first = ensembles[circle[0]]
        position = next(i for i, member in enumerate(first.members) if member.model == circle[1])
        place = scope.where(address_of(first), ("members", position, "model"))
        yield _made_of_itself(circle, place, f"remove {circle[1]} from its members")


def circles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """The circles of a graph that a walk in the order of the names closes, each beginning and ending with the first of its own."""
    done: set[str] = set()
    for start in sorted(edges):
        trail: dict[str, Iterator[str]] = {} if start in done else {start: iter(edges[start])}
        while trail:
            name = next(reversed(trail))
            below = next(trail[name], None)
            if below is None:
                del trail[name]
                done.add(name)
            elif below in trail:
                names = list(trail)
                circle = names[names.index(below) :]
                first = circle.index(min(circle))
                yield (*circle[first:], *circle[:first], circle[first])
            elif below in edges and below not in done:
                trail[below] = iter(edges[below])


def _made_of_itself(circle: tuple[str, ...], place: Span, mend: str) -> Diagnostic:
    said = " → ".join(circle if len(circle) <= _READ else [*circle[:_READ], "…", circle[-1]])
    return Diagnostic("reference-cycle", f"`{circle[0]}` is made of itself: {said}", place, help=mend)


_READ = 12
"""How much of a circle is told."""
