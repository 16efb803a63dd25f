"""How much harm a model's wrong answers may do: what its spec declares, raised by what is known of it, and lowered by nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.project.inputs import inputs
from headrace.project.scope import Scope
from headrace.spec import Environment, FeatureView, Model, Source
from headrace.spec.governance import Tier

TIERS: tuple[Tier, ...] = ("low", "medium", "high")
"""From the least to the most."""
_WORD = re.compile(r"\w+")
MANY = 100_000.0
"""Requests a day from which a wrong answer reaches many before anybody sees it."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One fact that raises the risk to a tier, at least, and why."""

    name: str
    tier: Tier
    why: str


@dataclass(frozen=True, slots=True)
class Risk:
    """The tier that holds, what was declared, and what is known beside it."""

    tier: Tier
    declared: Tier | None
    factors: tuple[Factor, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        factors = [{"name": one.name, "tier": one.tier, "why": one.why} for one in self.factors]
        return {"tier": self.tier, "declared": self.declared, "factors": factors}

    def __str__(self) -> str:
        said = f"declared {self.declared}" if self.declared is not None else "none declared"
        known = "; ".join(f"{factor.tier} by {factor.name}: {factor.why}" for factor in self.factors)
        return f"{self.tier} ({said}{f'; {known}' if known else ''})"


def risk(scope: Scope, model: Model, environment: Environment) -> Risk:
    """A model's risk in an environment: the highest of the tiers that its spec and its factors say."""
    declared = model.governance.risk if model.governance is not None else None
    factors = tuple(_factors(scope, model, environment))
    found = [declared or TIERS[0], *(factor.tier for factor in factors)]
    return Risk(max(found, key=TIERS.index), declared, factors)


def _factors(scope: Scope, model: Model, environment: Environment) -> Iterator[Factor]:
    """Personal inputs are a medium risk, and a high one in production, where traffic of many is a medium one, too."""
    named = sorted(set(_personal(scope, model)))
    if named:
        tier: Tier = "high" if environment.production else "medium"
        yield Factor("personal inputs", tier, f"{', '.join(named)}{' in production' if environment.production else ''}")
    traffic = model.serving.traffic if model.serving != "none" else None
    if environment.production and traffic is not None and traffic >= MANY:
        yield Factor("traffic", "medium", f"{traffic:,.0f} requests a day in production")


def _personal(scope: Scope, model: Model) -> Iterator[str]:
    """The personal columns that the model's inputs are computed from."""
    for item in inputs(scope, model):
        view = scope.get(FeatureView, f"feature_view/{item.view}")
        source = scope.get(Source, view.from_) if view is not None else None
        if view is not None and source is not None:
            read = _read(view, item.name, set())
            yield from (name for name, column in source.columns.items() if column.personal and name in read)


def _read(view: FeatureView, name: str, seen: set[str]) -> set[str]:
    """Every word by which a feature names columns, and those of the features that it is computed from."""
    if name in seen or name not in view.features:
        return set()
    seen.add(name)
    told = view.features[name].model_dump(exclude={"description"}, exclude_none=True)
    words = {word for value in _texts(told) for word in _WORD.findall(value)}
    return words.union(*(_read(view, word, seen) for word in words))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
        case _:
            return
