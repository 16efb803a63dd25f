"""Every kind of document by its word."""

from __future__ import annotations

from headrace.spec.backtest import Backtest
from headrace.spec.batch import Batch
from headrace.spec.channel import Channel
from headrace.spec.ensemble import Ensemble
from headrace.spec.feature_view import FeatureView
from headrace.spec.field import Spec
from headrace.spec.flag import Flag
from headrace.spec.governance import Group, Policy
from headrace.spec.model import Model
from headrace.spec.overlay import Overlay
from headrace.spec.project import Environment, Project
from headrace.spec.report import Report
from headrace.spec.source import Source

AnyKind = (
    Project | Environment | Overlay | Source | FeatureView | Model | Ensemble | Batch | Channel | Group | Policy | Flag | Report | Backtest
)
"""What one document of the language can be."""

KINDS: dict[str, type[Spec]] = {
    "project": Project,
    "environment": Environment,
    "overlay": Overlay,
    "source": Source,
    "feature_view": FeatureView,
    "model": Model,
    "ensemble": Ensemble,
    "batch": Batch,
    "channel": Channel,
    "group": Group,
    "policy": Policy,
    "flag": Flag,
    "report": Report,
    "backtest": Backtest,
}
"""Every kind by its word."""
