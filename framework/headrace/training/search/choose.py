"""Which trial is the best: a plain argmax, or a declared choice among those that no other one beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from headrace.training.search.values import Trial

Better = Literal["higher", "lower"]


def front(trials: Sequence[Trial], better: Sequence[Better]) -> list[Trial]:
    """The complete trials that no other is at least as good as by all objectives and better by one (Pareto), by number."""
    whole = [trial for trial in trials if trial.state == "complete" and trial.values is not None and all(map(math.isfinite, trial.values))]
    told = [(trial, _up(trial, better)) for trial in sorted(whole, key=lambda trial: trial.number)]
    return [trial for trial, mine in told if not any(_beats(other, mine) for _, other in told)]


def choose(trials: Sequence[Trial], better: Sequence[Better], rule: Literal["ideal", "first"]) -> Trial | None:
    """The trial to take; None where none is complete. Of equal ones the first, so that the spec's own parameters stay where nothing is won.

    `first`: the best of the front by the first objective. `ideal`: the one whose values, each scaled over the front to 0 at its worst and
    1 at its best, are nearest to all ones (compromise programming, Zeleny 1973).
    """
    best = front(trials, better)
    if not best:
        return None
    points = [_up(trial, better) for trial in best]
    if rule == "first" or len(better) == 1:
        return max(best, key=lambda trial: (_up(trial, better), -trial.number))
    low, high = ([bound(point[axis] for point in points) for axis in range(len(better))] for bound in (min, max))

    def far(trial: Trial) -> float:
        scaled = zip(_up(trial, better), low, high, strict=True)
        return math.fsum(((most - value) / (most - least)) ** 2 for value, least, most in scaled if most > least)

    return min(best, key=lambda trial: (far(trial), trial.number))


def _up(trial: Trial, better: Sequence[Better]) -> tuple[float, ...]:
    """The values so that more is better."""
    return tuple(value if word == "higher" else -value for value, word in zip(trial.values or (), better, strict=True))


def _beats(other: tuple[float, ...], mine: tuple[float, ...]) -> bool:
    return all(a >= b for a, b in zip(other, mine, strict=True)) and other != mine
