"""The section `experiment` of a model as its flow has it: what a run of it is begun with, and what is kept of it beside the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from headrace.spec.quantity import Difference

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from headrace.spec.experiment import Experiment

CHAMPION, CANDIDATE = "champion", "candidate"
"""The arms that every experiment has; any other is an alias of the registry."""
Design = Literal["fixed", "group_sequential", "always_valid", "bayesian"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Primary:
    """A metric that decides, and the least difference worth finding; `baseline`, `mean` and `deviation` are the champion's, as planned."""

    metric: str
    detect: Difference
    baseline: float | None = None
    mean: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not suffer by more than this."""

    metric: str
    worse_by_at_most: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """What each outcome means."""

    win: Literal["promote", "keep"] = "promote"
    lose: Literal["rollback"] = "rollback"
    guardrail: Literal["rollback", "keep"] = "rollback"
    at_end: Literal["keep", "rollback"] = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A business metric: values that are told of units, by the names `of` and `per`."""

    name: str
    kind: Literal["rate", "mean", "ratio"] = "mean"
    better: Literal["higher", "lower"] = "higher"
    of: str | None = None
    per: str | None = None
    winsorize: float | None = None
    covariate: str | None = None
    within: timedelta | None = None
    """How long after a unit's first exposure a value still counts; the label's delay, where it is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The section: `arms` by alias, each with its share of those who take part; shares as numbers in [0, 1], `alpha` over all looks.

    `lasts` is the section's `for`; `delay` is the label's, by which enrolment ends before it. `holdout` is the project's: the largest that
    any of its experiments declares, so that no experiment touches those whom one holds out.
    """

    arms: Mapping[str, float]
    unit: str
    primary: Sequence[Primary]
    lasts: timedelta
    secondary: Sequence[str] = ()
    guardrails: Sequence[Guardrail] = ()
    segments: Sequence[str] = ()
    coverage: float = 1.0
    layer: str | None = None
    holdout: float = 0.0
    design: Design = "group_sequential"
    alpha: float = 0.05
    power: float = 0.8
    looks: timedelta = timedelta(days=1)
    delay: timedelta = timedelta(0)
    decide: Decide = field(default_factory=Decide)
    measures: Sequence[Measure] = ()

    def __post_init__(self) -> None:
        # A flow writes lists, and what the store kept comes back as lists: sections that say the same are equal.
        for name in ("primary", "secondary", "guardrails", "segments", "measures"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def enrols(self) -> timedelta:
        """How long units enter: what comes later has no answer by the end."""
        return self.lasts - self.delay

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it; `parsed` reads it back."""
        told: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return told


def parsed(told: Mapping[str, Any]) -> Declared:
    """What `to_json` wrote; a word that a newer version wrote is passed over, and one that an older did not know has its default."""
    return _adapter().validate_python(told)


def declared(section: Experiment, *, delay: timedelta = timedelta(0), holdout: float | None = None) -> Declared:
    """The section in the words of the flow; the compiler writes the same. `delay` is the target's, `holdout` the project's."""
    primary = section.primary
    return Declared(
        arms=dict(section.arms),
        unit=section.unit,
        primary=(
            Primary(
                metric=primary.metric,
                detect=primary.detect,
                baseline=primary.baseline,
                mean=primary.mean,
                deviation=primary.deviation,
            ),
        ),
        lasts=section.for_,
        secondary=section.secondary,
        guardrails=tuple(Guardrail(metric=one.metric, worse_by_at_most=one.worse_by_at_most) for one in section.guardrails),
        segments=section.segments,
        coverage=section.coverage,
        layer=section.layer,
        holdout=(section.holdout or 0.0) if holdout is None else holdout,
        design=section.design,
        alpha=section.alpha,
        power=section.power,
        looks=section.looks,
        delay=delay,
        decide=Decide(win=section.decide.win, lose=section.decide.lose, guardrail=section.decide.guardrail, at_end=section.decide.at_end),
        measures=tuple(
            Measure(
                name=name,
                kind=one.kind,
                better=one.better,
                of=one.of,
                per=one.per,
                winsorize=one.winsorize,
                covariate=one.covariate,
                within=one.within,
            )
            for name, one in sorted(section.measures.items())
        ),
    )


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Declared]:
    from pydantic import TypeAdapter

    return TypeAdapter(Declared)
