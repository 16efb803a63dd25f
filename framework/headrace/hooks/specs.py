"""The hooks themselves: what pluggy asks every plugin for."""

from __future__ import annotations

import pluggy

from headrace.hooks.contracts import Algorithm, ChannelType, Detector, Exporter, Gate, Metric, Reader, Rule, Strategy, Tracker, Transform

hookspec = pluggy.HookspecMarker("headrace")
hookimpl = pluggy.HookimplMarker("headrace")


@hookspec
def headrace_algorithms() -> list[Algorithm]:  # type: ignore[empty-body]
    """Algorithms that this plugin adds."""


@hookspec
def headrace_metrics() -> list[Metric]:  # type: ignore[empty-body]
    """Metrics that this plugin adds."""


@hookspec
def headrace_detectors() -> list[Detector]:  # type: ignore[empty-body]
    """Drift detectors that this plugin adds."""


@hookspec
def headrace_channels() -> list[ChannelType]:  # type: ignore[empty-body]
    """Channel types that this plugin adds."""


@hookspec
def headrace_readers() -> list[Reader]:  # type: ignore[empty-body]
    """Source readers that this plugin adds."""


@hookspec
def headrace_rules() -> list[Rule]:  # type: ignore[empty-body]
    """Rules over the whole project that this plugin adds."""


@hookspec
def headrace_strategies() -> list[Strategy]:  # type: ignore[empty-body]
    """Rollout strategies that this plugin adds."""


@hookspec
def headrace_gates() -> list[Gate]:  # type: ignore[empty-body]
    """Kinds of gates that this plugin adds."""


@hookspec
def headrace_exporters() -> list[Exporter]:  # type: ignore[empty-body]
    """Forms in which a version leaves, that this plugin adds."""


@hookspec
def headrace_transforms() -> list[Transform]:  # type: ignore[empty-body]
    """Transforms of inputs that this plugin adds."""


@hookspec
def headrace_trackers() -> list[Tracker]:  # type: ignore[empty-body]
    """Servers that runs and versions are mirrored to and taken from, that this plugin adds."""
