"""A feature view as what computes it is told: one way a feature, durations in seconds, defaults written out."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from headrace.compiled import FeatureConfig, OnlineConfig, ViewConfig
from headrace.compiler.literal import seconds
from headrace.spec import FeatureView, Source
from headrace.spec.feature_view import Feature, Online
from headrace.spec.source import TEXTS

_AGING = ("column", "last", "since")
"""Origins whose value is one row's, and may be too old."""


def view_config(view: FeatureView, source: Source | None) -> ViewConfig:
    """The view of a project whose rules have found no fault."""
    if source is None:
        raise AssertionError(view.from_)
    return ViewConfig(
        source=source.name,
        entity=view.entity,
        time=view.time,
        available_at=source.available_at,
        available_after_seconds=seconds(view.available_after) if view.available_after is not None else 0,
        late_seconds=_seconds(view.late),
        window_edges=view.window_edges,
        tie_break=view.tie_break,
        features={name: _feature(view, feature, source) for name, feature in view.features.items()},
        online=_online(view.online) if view.online is not None else None,
    )


def _online(online: Online) -> OnlineConfig:
    return OnlineConfig(fresh_within_seconds=_seconds(online.fresh_within), when_stale=online.when_stale, sent=online.sent)


def _feature(view: FeatureView, feature: Feature, source: Source) -> FeatureConfig:
    (kind,) = feature.origin
    named = getattr(feature, kind)
    expires = feature.expires if feature.expires is not None else view.ttl if kind in _AGING else None
    return FeatureConfig(
        kind=_kind(kind),
        of=None if (kind, named) == ("count", "rows") else named,
        over_seconds=_seconds(feature.over),
        where=feature.where,
        empty=feature.empty,
        expires_seconds=_seconds(expires),
        type=_type(feature, source),
        back=feature.back or 0,
        ago_seconds=_seconds(feature.ago) or 0,
    )


def _kind(
    origin: str,
) -> Literal["column", "sum", "count", "mean", "min", "max", "std", "last", "distinct", "ratio", "since", "expression"]:
    match origin:
        case "column" | "sum" | "count" | "mean" | "min" | "max" | "std" | "last" | "distinct" | "ratio" | "since" | "expression":
            return origin
        case _:
            raise AssertionError(origin)


def _type(feature: Feature, source: Source) -> Literal["number", "category"]:
    named = source.columns.get(feature.column or feature.last or "")
    return "category" if named is not None and named.type in TEXTS else "number"


def _seconds(span: timedelta | None) -> int | float | None:
    return seconds(span) if span is not None else None
