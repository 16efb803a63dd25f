"""The section `monitoring` of a model: windows, drift, performance, alerts."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ChannelRef, Column, ConditionText, DetectorName, MetricName, Name
from headrace.spec.quantity import Duration


class Window(Spec):
    """What is judged at a time: exactly one of `rows` and `every`."""

    rows: int | None = field("Predictions a window.", Effect.RECONFIGURE, default=None, example=2000, ge=100)
    every: Duration | None = field("Or the time of a window.", Effect.RECONFIGURE, default=None, example="1d", later=True)


class DriftEffect(Spec):
    """How large a drift must be to matter; significance alone never alarms."""

    warning: float = field("From here a feature counts as drifted.", Effect.RECONFIGURE, default=0.10, example=0.1, gt=0)
    critical: float = field("From here it is called critical.", Effect.RECONFIGURE, default=0.25, example=0.25, gt=0)


class Drift(Spec):
    """Whether inputs and answers still look as they did on the training rows."""

    features: Literal["all"] | tuple[Column, ...] = field("Which features are watched.", Effect.RECONFIGURE, default="all", example="all")
    method: DetectorName = field("A registered detector.", Effect.RECONFIGURE, default="psi", example="psi")
    effect: DriftEffect = field(
        "How large it must be.", Effect.RECONFIGURE, default=DriftEffect(), example={"warning": 0.1, "critical": 0.25}
    )


class Performance(Spec):
    """How well it does once the answers are known, and an estimate before."""

    metric: MetricName = field("A registered metric.", Effect.RECONFIGURE, example="roc_auc")
    estimate: Literal["cbpe", "none"] = field(
        "How performance is estimated before the labels arrive.", Effect.RECONFIGURE, default="none", example="cbpe"
    )
    min: float | None = field(
        "The least value that is well; a window below it is called degraded.", Effect.RECONFIGURE, default=None, example=0.88, later=True
    )
    max: float | None = field(
        "The same for a metric that is better when it is lower.", Effect.RECONFIGURE, default=None, example=0.2, later=True
    )
    average: Literal["macro", "weighted"] | None = field(
        "How a metric of several classes becomes one number; `macro` where nothing is said.",
        Effect.RECONFIGURE,
        default=None,
        example="weighted",
    )
    min_labels: int = field("Fewer known labels in a window are insufficient data.", Effect.RECONFIGURE, default=200, example=200, ge=1)


class Alert(Spec):
    """One rule over the quantities of a window."""

    id: Name = field("The rule's name.", Effect.RECONFIGURE, example="drifting")
    when: ConditionText = field(
        "A condition over `drift.share`, `drift.max`, `drift.critical`, `performance.METRIC`, `estimate.METRIC`, `unseen.share`.",
        Effect.RECONFIGURE,
        example="drift.share > 0.05",
    )
    for_: str = field(
        "For how many windows in a row before it fires.",
        Effect.RECONFIGURE,
        default="1 windows",
        alias="for",
        example="2 windows",
        pattern=r"^[1-9][0-9]{0,3} windows?$",
    )
    severity: Literal["info", "warning", "critical"] = field("How grave it is.", Effect.RECONFIGURE, default="warning", example="critical")
    notify: tuple[ChannelRef, ...] = field("Who is told.", Effect.RECONFIGURE, default=(), example=["channel/ml-team"])

    @property
    def windows(self) -> int:
        """How many windows in a row."""
        return int(self.for_.split()[0])


class FalseAlarms(Spec):
    """How many alarms may be false, over all tests."""

    at_most: float = field("How many, on average.", Effect.RECONFIGURE, example=1, gt=0)
    per: Duration = field("In what time.", Effect.RECONFIGURE, example="30d")


class Monitoring(Spec):
    """What is watched while the model answers."""

    window: Window = field("What is judged at a time.", Effect.RECONFIGURE, example={"rows": 2000})
    every: Duration = field("How often the windows are looked at.", Effect.RECONFIGURE, default="1d", example="6w", validate_default=True)
    false_alarms: FalseAlarms | None = field(
        "A budget over all tests; `plan` says what each may spend.",
        Effect.RECONFIGURE,
        default=None,
        example={"at_most": 1, "per": "30d"},
        later=True,
    )
    drift: Drift | None = field("Whether inputs and answers drift.", Effect.RECONFIGURE, default=None, example={"method": "psi"})
    performance: Performance | None = field("How well it does.", Effect.RECONFIGURE, default=None, example={"metric": "roc_auc"})
    alerts: tuple[Alert, ...] = field(
        "When somebody is told.", Effect.RECONFIGURE, default=(), example=[{"id": "drifting", "when": "drift.share > 0.05"}]
    )
