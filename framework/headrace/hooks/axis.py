"""The axes that grow by plugins: the word of each, its hook, and what the hook gives."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.hooks.contracts import (
    Algorithm,
    ChannelType,
    Detector,
    Exporter,
    Gate,
    Item,
    Metric,
    Reader,
    Rule,
    Strategy,
    Tracker,
    Transform,
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: `metric` of the plural `metrics` by the hook `headrace_metrics`, which gives a list of Metric."""

    word: str
    plural: str
    kind: type[Item]

    @property
    def hook(self) -> str:
        """The function that a plugin defines."""
        return f"headrace_{self.plural}"


AXES = (
    Axis("algorithm", "algorithms", Algorithm),
    Axis("metric", "metrics", Metric),
    Axis("detector", "detectors", Detector),
    Axis("channel", "channels", ChannelType),
    Axis("reader", "readers", Reader),
    Axis("rule", "rules", Rule),
    Axis("strategy", "strategies", Strategy),
    Axis("gate", "gates", Gate),
    Axis("exporter", "exporters", Exporter),
    Axis("transform", "transforms", Transform),
    Axis("tracker", "trackers", Tracker),
)
"""All axes, in the order in which they are listed."""
