"""What a generated flow says of a rollout, and what a step of it announces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from headrace.traffic import SERVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A share of the units, for a while."""

    weight: float
    hold: timedelta
    then: Literal["wait"] | None = None
    """Whether it goes on only once a person says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One metric that the two arms are compared by; rates as shares, `promote_below` a ratio of rates.

    `delay` is how long after a request its answer is known: a row counts for `quality` no sooner, known or not, or answers that are known
    early would stand for all.
    """

    metric: Literal["error_rate", "slow_request", "output_shift", "prediction_disagreement", "quality"]
    over: timedelta | None = None
    of: str | None = None
    limit: float | None = None
    delay: timedelta | None = None
    decides: Literal["both", "promote", "abort"] = "both"
    count: Literal["requests", "units"] = "requests"
    promote_below: float = 2.0
    negligible: float = 0.005
    ceiling: float | None = None

    @property
    def counted(self) -> bool:
        """Whether servers count it, and abort by it; else it is counted of the journal."""
        return self.metric in SERVED

    @property
    def aborts(self) -> bool:
        """Whether it may stop a rollout."""
        return self.decides != "promote"

    @property
    def promotes(self) -> bool:
        """Whether a promotion waits for it."""
        return self.decides != "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmup:
    """No promotion before so many candidate requests and so much time; a driven clock counts requests alone."""

    requests: int = 200
    time: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """After how much silence of the candidate the rollout holds (or is rolled back), and how long it may hold."""

    after: timedelta = timedelta(seconds=30)
    then: Literal["hold", "rollback"] = "hold"
    deadline: timedelta = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """After the decision, and before all is the candidate's: how long, and the share that the champion still answers."""

    time: timedelta
    holdback: float = 0.05

    @property
    def weight(self) -> float:
        """The candidate's share."""
        return 1.0 - self.holdback


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The section `rollout`: steps of rising weight, what the arms are compared by, and both chances of being wrong."""

    unit: str
    steps: Sequence[Step]
    judge: Sequence[Judge]
    false_rollback: float = 0.05
    false_promotion: float = 0.05
    when_undecided: Literal["rollback", "hold"] = "rollback"
    warmup: Warmup = field(default_factory=Warmup)
    no_data: NoData = field(default_factory=NoData)
    bake: Bake | None = None
    only: Mapping[str, Sequence[str | float]] | None = None
    """By input of the request the values that units on trial have; None is everybody."""


UNJUDGED = Canary(unit="", steps=(), judge=())
"""Of a model whose rollout nobody declares, or where what is declared does not matter."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one look came to; `passed` means that the candidate is the champion now. Plain values only.

    `event` is headrace.rollout. and started, raised, held, promoted or rolled_back, each once in the log under `event_id`; or looked, which
    changed nothing and is not in the log.
    """

    passed: bool
    event: str
    event_id: str
    payload: dict[str, Any]
