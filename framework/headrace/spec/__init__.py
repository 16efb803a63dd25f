"""The typed spec of every kind and section: plain frozen values, one file a word."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.spec.backtest import Backtest
    from headrace.spec.batch import Batch
    from headrace.spec.channel import Channel
    from headrace.spec.ensemble import Ensemble
    from headrace.spec.feature_view import FeatureView
    from headrace.spec.field import Effect, Spec
    from headrace.spec.flag import Flag
    from headrace.spec.governance import Group, Policy
    from headrace.spec.kinds import KINDS, AnyKind
    from headrace.spec.model import Model
    from headrace.spec.overlay import Overlay
    from headrace.spec.project import Environment, Project
    from headrace.spec.report import Report
    from headrace.spec.source import Source

__all__ = [
    "KINDS",
    "AnyKind",
    "Backtest",
    "Batch",
    "Channel",
    "Effect",
    "Ensemble",
    "Environment",
    "FeatureView",
    "Flag",
    "Group",
    "Model",
    "Overlay",
    "Policy",
    "Project",
    "Report",
    "Source",
    "Spec",
]

_HOME = {
    "AnyKind": "headrace.spec.kinds",
    "Backtest": "headrace.spec.backtest",
    "Batch": "headrace.spec.batch",
    "Channel": "headrace.spec.channel",
    "Effect": "headrace.spec.field",
    "Ensemble": "headrace.spec.ensemble",
    "Environment": "headrace.spec.project",
    "FeatureView": "headrace.spec.feature_view",
    "Flag": "headrace.spec.flag",
    "Group": "headrace.spec.governance",
    "KINDS": "headrace.spec.kinds",
    "Model": "headrace.spec.model",
    "Overlay": "headrace.spec.overlay",
    "Policy": "headrace.spec.governance",
    "Project": "headrace.spec.project",
    "Report": "headrace.spec.report",
    "Source": "headrace.spec.source",
    "Spec": "headrace.spec.field",
}
"""Where each name is: a process that runs a model needs a few words of the language, and not all of it."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has
    """Import what is asked for when it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
