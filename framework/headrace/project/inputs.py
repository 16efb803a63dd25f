"""Which inputs a model has: the features that it uses, in the order of its matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headrace.address import Address, Path
from headrace.project.scope import Scope
from headrace.spec import FeatureView, Model, Source
from headrace.spec.feature_view import CLOSED, Feature


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One feature that a model uses."""

    name: str
    view: str
    column: str | None
    """The column of the model's own rows that it is; None where the view computes it as of a row's time."""
    type: Literal["number", "category", "text"] | None
    """None where its column is neither."""
    low: float | None
    high: float | None
    path: Path | None
    """Where the model names it; None where it says `all`."""


def inputs(scope: Scope, model: Model) -> tuple[ModelInput, ...]:
    """The inputs, view by view in the order of their names; views and features that do not exist are passed over.

    `all` means every feature in the order of their names, without entity, time, target and group; a list keeps its own order.
    """
    section = model.features
    roles = (section.entity, section.time, section.target.column, *([section.group] if section.group is not None else []))
    rows = (section.rows, section.entity, section.time)
    return tuple(item for name in sorted(section.use) for item in scope.once(_of_view, name, section.use[name], roles, rows))


def _of_view(
    scope: Scope, name: str, wanted: tuple[str, ...] | Literal["all"], roles: tuple[str, ...], rows: tuple[str, str, str]
) -> list[ModelInput]:
    """Those of one view; `roles` are the model's own columns, `rows` its source, entity and time. Many models use a view alike."""
    view = scope.get(FeatureView, Address("feature_view", name))
    source = scope.get(Source, view.from_) if view is not None else None
    if view is None or source is None:
        return []
    hidden = {*roles, view.entity, view.time}
    chosen = sorted(view.features) if wanted == "all" else [word for word in wanted if word in view.features]
    found = []
    for word in chosen:
        feature = view.features[word]
        kind = _type(feature, source)
        if wanted == "all" and (word in hidden or feature.column in hidden or kind is None):
            continue
        own = rows == (view.from_, view.entity, view.time) and _as_it_stands(view, source, feature)
        low, high = feature.range if feature.range is not None else (None, None)
        path: Path | None = None if wanted == "all" else ("features", "use", name, wanted.index(word))
        found.append(ModelInput(word, name, feature.column if own else None, kind, low, high, path))
    return found


def _as_it_stands(view: FeatureView, source: Source, feature: Feature) -> bool:
    """Whether a row's own value is what the view says of that row's time: its column, known at once."""
    at_once = source.available_at is None and not view.available_after and view.window_edges == CLOSED
    return at_once and feature.column is not None


def _type(feature: Feature, source: Source) -> Literal["number", "category", "text"] | None:
    """What a feature is: as its column, or that whose newest value it takes, and a number where it is computed."""
    named = feature.column or feature.last
    if named is None:
        return "number"
    column = source.columns.get(named)
    if column is None or column.type == "timestamp":
        return None
    return column.type if column.type in ("category", "text") else "number"


def known(scope: Scope, model: Model) -> bool:
    """Whether all views of a model and their sources are there and whole, so that an absent feature is truly absent."""
    views = [scope.get(FeatureView, Address("feature_view", name)) for name in model.features.use]
    return all(view is not None and scope.get(Source, view.from_) is not None for view in views)
