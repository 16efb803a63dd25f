"""The built-in plugins: whatever stands in the folders below, offered through the same hooks as anyone's."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from headrace.hooks import Algorithm, ChannelType, Detector, Exporter, Gate, Metric, Reader, Strategy, Transform, hookimpl

__all__ = [
    "headrace_algorithms",
    "headrace_channels",
    "headrace_detectors",
    "headrace_exporters",
    "headrace_gates",
    "headrace_metrics",
    "headrace_readers",
    "headrace_strategies",
    "headrace_transforms",
]


def _members(axis: str, name: str) -> list[Any]:
    """What the modules of one folder expose under one name: a value, or a tuple of them; a module without the name is a private part."""
    found: list[Any] = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent / axis)]):
        value = getattr(import_module(f"{__name__}.{axis}.{module.name}"), name, ())
        found.extend(value if isinstance(value, tuple) else (value,))
    return found


@hookimpl
def headrace_algorithms() -> list[Algorithm]:
    """Every `ALGORITHM` of `algorithms/`."""
    return _members("algorithms", "ALGORITHM")


@hookimpl
def headrace_metrics() -> list[Metric]:
    """All `METRICS` of `metrics/`."""
    return _members("metrics", "METRICS")


@hookimpl
def headrace_detectors() -> list[Detector]:
    """Every `DETECTOR` of `detectors/`."""
    return _members("detectors", "DETECTOR")


@hookimpl
def headrace_channels() -> list[ChannelType]:
    """Every `CHANNEL` of `channels/`."""
    return _members("channels", "CHANNEL")


@hookimpl
def headrace_readers() -> list[Reader]:
    """Every `READER` of `readers/`."""
    return _members("readers", "READER")


@hookimpl
def headrace_strategies() -> list[Strategy]:
    """Every `STRATEGY` of `strategies/`."""
    return _members("strategies", "STRATEGY")


@hookimpl
def headrace_gates() -> list[Gate]:
    """Every `GATE` of `gates/`."""
    return _members("gates", "GATE")


@hookimpl
def headrace_exporters() -> list[Exporter]:
    """Every `EXPORTER` of `exporters/`."""
    return _members("exporters", "EXPORTER")


@hookimpl
def headrace_transforms() -> list[Transform]:
    """Every `TRANSFORM` of `transforms/`."""
    return _members("transforms", "TRANSFORM")
