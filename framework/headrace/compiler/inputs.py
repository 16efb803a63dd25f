"""Which inputs a model has: its feature views' features, with types from the source and ranges from the view."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compiler.ir import Input
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.spec.feature_view import Feature, FeatureView
from headrace.spec.model import Model
from headrace.spec.source import Source


def inputs(model: Model, views: Mapping[str, FeatureView], sources: Mapping[str, Source]) -> tuple[Input, ...]:
    """The model's inputs, view by view in the order of their names.

    `all` means every feature of the view in the order of their names, without entity, time and target: the keys of a mapping
    have no order, and moving one must change nothing. A list keeps its own order.
    HeadraceError for a feature that is named and cannot be an input.
    """
    section = model.features
    never = {section.entity, section.time, section.target.column}
    found: list[Input] = []
    for name in sorted(section.use):
        view, wanted = views[name], section.use[name]
        columns = sources[view.from_.rpartition("/")[2]].columns
        chosen = sorted(view.features) if wanted == "all" else wanted
        for word in chosen:
            feature = view.features[word]
            declared = columns.get(feature.column)
            kind = _kind(declared.type if declared is not None else None)
            if wanted == "all" and (kind is None or word in never or feature.column in never or feature.column in {view.entity, view.time}):
                continue
            found.append(_input(model, view, word, feature, kind))
    return tuple(found)


def _kind(type_: str | None) -> str | None:
    match type_:
        case "int64" | "float":
            return "number"
        case "category":
            return "category"
        case _:
            return None


def _input(model: Model, view: FeatureView, name: str, feature: Feature, kind: str | None) -> Input:
    if kind is None:
        reason = f"its column `{feature.column}` is neither a number nor a category"
        raise HeadraceError(
            Diagnostic(
                "feature-without-type",
                f"model/{model.name} uses `{name}` of feature_view/{view.name}, and {reason}",
                help=f"leave it out, or give source column `{feature.column}` the type `float` or `category`",
            ),
            Exit.INVALID,
        )
    low, high = feature.range if kind == "number" and feature.range is not None else (None, None)
    return Input(name, kind, feature.column, low, high)
