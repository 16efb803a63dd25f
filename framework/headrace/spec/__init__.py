"""The typed spec of every kind and section: plain frozen values, one file a word."""

from __future__ import annotations

from headrace.spec.backtest import Backtest
from headrace.spec.channel import Channel
from headrace.spec.feature_view import FeatureView
from headrace.spec.field import Effect, Spec
from headrace.spec.model import Model
from headrace.spec.overlay import Overlay
from headrace.spec.project import Environment, Project
from headrace.spec.source import Source

__all__ = [
    "KINDS",
    "AnyKind",
    "Backtest",
    "Channel",
    "Effect",
    "Environment",
    "FeatureView",
    "Model",
    "Overlay",
    "Project",
    "Source",
    "Spec",
]

AnyKind = Project | Environment | Overlay | Source | FeatureView | Model | Channel | Backtest
"""What one document of the language can be."""

KINDS: dict[str, type[Spec]] = {
    "project": Project,
    "environment": Environment,
    "overlay": Overlay,
    "source": Source,
    "feature_view": FeatureView,
    "model": Model,
    "channel": Channel,
    "backtest": Backtest,
}
"""Every kind by its word."""
