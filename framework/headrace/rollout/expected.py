"""What to expect of a declared rollout with its traffic: how soon it finds harm, how soon it promotes, how often it errs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from headrace.rollout.canary import Canary
from headrace.rollout.decide import interval
from headrace.traffic import SLOW_REQUEST

if TYPE_CHECKING:
    from headrace.rollout.simulate import Ends

RUNS = 400
"""So many rollouts of each candidate: a share of 5 % is known to about 1 %, a median to about a tenth."""
SEED = 1
EVERY = 50
TIMES = 2.0
"""The harm that a plan is asked about: so many times the champion's rate."""
METRICS = frozenset({"error_rate", SLOW_REQUEST})
"""What is simulated: shares of requests that are bad, known when they are answered."""
_USUAL = 0.01
_DAY = timedelta(days=1)
_HAIR = 1e-9


def assumed(ceiling: float | None) -> float:
    """The champion's rate where nobody says one: one in a hundred, or half of its ceiling where that is less."""
    return _USUAL if ceiling is None else min(_USUAL, ceiling / 2)


def days_without_failures(canary: Canary, per_day: float, needed: int) -> float | None:
    """At which look, in days, the candidate has been asked so often on the average; None where the steps are over before."""
    missing, begun = float(needed), 0.0
    for position, step in enumerate(canary.steps):
        daily, hold, look = per_day * step.weight, step.hold / _DAY, interval(canary, position) / _DAY
        if daily * hold >= missing:
            return begun + min(hold, look * max(ceil(missing / daily / look - _HAIR), 1))
        missing, begun = missing - daily * hold, begun + hold
    return None


def asked(canary: Canary, per_day: float) -> dict[str, Any]:
    """All that `expected` goes by, as plain values: equal ones give equal figures."""
    return {"canary": _plain(asdict(canary)), "per_day": per_day, "runs": RUNS, "seed": SEED, "every": EVERY, "times": TIMES}


def expected(canary: Canary, per_day: float) -> Mapping[str, Any] | None:
    """The figures of a seeded simulation, as plain values; None where the rollout is judged by a metric that is not simulated.

    `harm` is a candidate that is bad TIMES as often by the first metric, `equal` one that is as good; each with the share of the rollouts
    that found it harmful or promoted it, and the candidate's requests and the days until then (median, 90th percentile). The two errors
    stand with what the spec allows and what was measured: a rollback of `equal`, and the promotion of one at the first metric's margin.
    Rates, by metric, are shares of requests; requests are the candidate's.
    """
    if not {judge.metric for judge in canary.judge} <= METRICS:
        return None
    from headrace.rollout.characteristics import margin
    from headrace.rollout.simulate import HARMFUL, PROMOTED, simulate
    from headrace.rollout.world import Effect, Rate, World

    first = canary.judge[0]
    rates = {judge.metric: assumed(judge.ceiling) for judge in canary.judge}
    world = World(name="", per_day=per_day, base={metric: Rate(rate, rate) for metric, rate in rates.items()}, effect={})
    twice, edge = Effect(times=TIMES), margin(first, world)

    def run(effect: Effect) -> Ends:
        return simulate(canary, replace(world, effect={first.metric: effect}), runs=RUNS, seed=SEED, every=EVERY)

    equal, harm = run(Effect()), run(twice)
    beyond = harm if edge == twice else run(edge)
    return {
        "rates": rates,
        "metric": first.metric,
        "times": TIMES,
        "runs": RUNS,
        "harm": _found(harm, HARMFUL),
        "equal": _found(equal, PROMOTED),
        "false_rollback": {"allowed": canary.false_rollback, "measured": equal.share(HARMFUL)},
        "false_promotion": {"allowed": canary.false_promotion, "measured": beyond.share(PROMOTED)},
    }


def _found(ends: Ends, end: str) -> dict[str, Any]:
    """How many of the runs ended so, and after how much."""
    from headrace.rollout.characteristics import spread

    so = ends.end == end
    return {"share": ends.share(end), "requests": spread(ends.candidate[so]), "days": spread(ends.days[so])}


def _plain(value: object) -> object:
    match value:
        case timedelta():
            return value / _DAY
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
