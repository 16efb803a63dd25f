"""The words of the section `training.tune` as values, and a trial as it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class IntRange:
    """Whole numbers, both ends included; with `log` searched by orders of magnitude."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True, slots=True)
class FloatRange:
    """Numbers, both ends included; with `log` searched by orders of magnitude."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: Sequence[bool | int | float | str | None]


@dataclass(frozen=True, slots=True)
class Maximize:
    """A metric to raise."""

    metric: str
    better: Literal["higher"] = "higher"


@dataclass(frozen=True, slots=True)
class Minimize:
    """A metric to lower."""

    metric: str
    better: Literal["lower"] = "lower"


Objective = Maximize | Minimize
Values = IntRange | FloatRange | Choice


@dataclass(frozen=True, slots=True)
class Sampler:
    """By what the next parameters are chosen; equal seeds choose alike where one trial runs at a time."""

    by: Literal["tpe", "random", "cmaes", "qmc", "nsga2", "grid"] = "tpe"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Pruner:
    """By what a trial is given up between two folds."""

    by: Literal["median", "hyperband", "wilcoxon", "none"] = "median"


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, by what, and for how long at most: so many trials, and so much time, whichever is over first."""

    trials: int
    timeout: timedelta
    objectives: Sequence[Objective]
    space: Mapping[str, Values]
    sampler: Sampler = field(default_factory=Sampler)
    pruner: Pruner = field(default_factory=Pruner)
    workers: int = 1
    choose: Literal["ideal", "first"] = "ideal"


State = Literal["complete", "pruned", "failed", "lost"]
"""How a trial ended. A lost one's process was killed from outside: its parameters were tried again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial as it is kept; `params` are the searched ones that it set, none where it has those of the spec."""

    number: int
    state: State
    params: dict[str, Any]
    values: list[float] | None
    """By each objective: the mean over the folds; None unless it is complete."""
    folds: list[list[float]]
    """By fold, as far as it came: the value of each objective."""
    seconds: float
    defaults: bool = False
    """Whether it has the parameters of the spec, without any searched."""
    again: int | None = None
    """The lost trial whose parameters it tries again."""
    reason: str | None = None
    """Why it failed, was lost or pruned."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)
