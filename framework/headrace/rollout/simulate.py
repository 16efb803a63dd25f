"""A declared rollout, run thousands of times on traffic that is made up: how often each end comes, and after how long.

Every run goes through the order of `decide`: harm, silence, wrong shares, promotion, the step's end. It is judged for harm after each block
of requests, as servers do, and looked at when a look of the flow is due. What differs is the grain alone: times are those of a block's
end. A step that waits for a person waits for none here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import log

import numpy as np
from numpy.typing import NDArray

from headrace.rollout.canary import Canary
from headrace.rollout.decide import LOOKS, interval
from headrace.rollout.judgement import ALARM
from headrace.rollout.world import World
from headrace.stats.eprocess_many import Evidence, shares
from headrace.traffic import SLOW_REQUEST

Counts = NDArray[np.int64]
Times = NDArray[np.float64]
Which = NDArray[np.bool_]

PROMOTED, HARMFUL, UNDECIDED, NO_DATA, HELD = "promoted", "harmful", "undecided", "no-data", "held"
ENDS = (PROMOTED, HARMFUL, UNDECIDED, NO_DATA, HELD)
"""How a run ends; one is promoted when its bake is over. `held` is one whose time was over, and that goes on until a person decides."""

_DAY = timedelta(days=1)
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Ends:
    """What came of each run, all (runs,): its end, after how many days, requests of both arms, and requests of the candidate alone."""

    end: NDArray[np.str_]
    days: Times
    requests: Counts
    candidate: Counts

    def share(self, end: str) -> float:
        """How many of the runs ended so, as a share."""
        return float((self.end == end).mean())


@dataclass(frozen=True, slots=True)
class Block:
    """What the runs that go on met in a stretch of time, up to `at` (days); by metric the counts of both arms, (n, bad) each."""

    at: float
    run: Counts
    step: Counts
    counts: Mapping[str, tuple[Counts, Counts, Counts, Counts]]
    heard: Times


def simulate(
    canary: Canary, world: World, *, runs: int, seed: int, every: int, grows: bool = True, seen: Callable[[Block], None] | None = None
) -> Ends:
    """Run a rollout so often in one world; the same seed gives the same ends.

    A block holds about `every` requests of both arms, and where it `grows`, 2 % of those before it, so that long rollouts stay cheap.
    `seen` is told of each block.
    """
    flock = _Flock(canary, world, runs, np.random.default_rng(seed))
    before = 0.0
    for at in _ends_of_blocks(canary, world.per_day, every, grows=grows):
        flock.pass_block(before, at, seen)
        before = at
        if not len(flock.run):
            break
    flock.end(np.ones(len(flock.run), dtype=bool), UNDECIDED if canary.when_undecided == "rollback" else HELD, before)
    return flock.ends


def _ends_of_blocks(canary: Canary, per_day: float, every: int, *, grows: bool) -> Iterator[float]:
    """Days since the start; a look of the flow that is due on a usual way is always one of them."""
    at = 0.0
    for due in _dues(canary):
        while at < due - _HAIR:
            size = max(every, at * per_day * 0.02) if grows else every
            at = min(at + size / per_day, due)
            yield at


def _dues(canary: Canary) -> Iterator[float]:
    """When looks are due on a usual way, ascending: the last step's go on for twice as long, and then for a bake that begins as late."""
    begun = due = 0.0
    last = len(canary.steps) - 1
    for step, rung in enumerate(canary.steps):
        hold, between = rung.hold / _DAY, interval(canary, step) / _DAY
        looks = round(hold / between)
        for look in range(1, (2 * looks if step == last else looks) + 1):
            due = begun + look * between
            yield due
        begun += hold
    if canary.bake is not None:
        between = interval(canary, last, baking=True) / _DAY
        for look in range(1, 2 * LOOKS + 1):
            yield due + look * between


class _Flock:
    """The runs that go on; what has ended is kept in `ends` alone."""

    def __init__(self, canary: Canary, world: World, runs: int, rng: np.random.Generator) -> None:
        self.canary, self.world, self.rng = canary, world, rng
        steps, bake = [(step.weight, step.hold / _DAY) for step in canary.steps], canary.bake
        # A bake is one more share, which no step leads to.
        self.weights, self.holds = np.array([*steps, *([] if bake is None else [(bake.weight, bake.time / _DAY)])]).T
        self.lasts = sum(hold for _, hold in steps)
        self.ends = Ends(np.full(runs, "", dtype="<U12"), np.zeros(runs), np.zeros(runs, np.int64), np.zeros(runs, np.int64))
        self.run = np.arange(runs)
        self.step = np.zeros(runs, dtype=np.int64)
        self.since, self.heard = np.zeros(runs), np.zeros(runs)
        self.look = np.full(runs, interval(canary, 0) / _DAY)
        self.passed = np.zeros((runs, len(canary.judge)), dtype=bool)
        self.wrong = np.zeros(runs, dtype=bool)
        self.arrived = np.zeros((runs, len(self.weights), 2), dtype=np.int64)
        self.evidence = [
            Evidence(runs, self.weights.tolist(), ceiling=judge.ceiling, margin=judge.promote_below, negligible=judge.negligible)
            for judge in canary.judge
        ]

    def pass_block(self, before: float, at: float, seen: Callable[[Block], None] | None) -> None:
        """Draw what comes until `at`, and do what is to be done then."""
        counts = self._draw(before, at)
        if seen is not None:
            seen(Block(at, self.run, self.step, counts, self.heard))
        aborts = [evidence for judge, evidence in zip(self.canary.judge, self.evidence, strict=True) if judge.aborts]
        if aborts:
            at_least = log(len(aborts) / self.canary.false_rollback)
            self.end(np.logical_or.reduce([evidence.abort() >= at_least for evidence in aborts]), HARMFUL, at)
        due = self.look <= at + _HAIR
        if due.any():
            self._looked(due, at)

    def end(self, which: Which, how: str, at: float) -> None:
        """These have ended, and are forgotten."""
        if not which.any():
            return
        of, arrived = self.run[which], self.arrived[which].sum(axis=1)
        self.ends.end[of], self.ends.days[of] = how, at
        self.ends.candidate[of], self.ends.requests[of] = arrived[:, 0], arrived.sum(axis=1)
        on = ~which
        for name in ("run", "step", "since", "heard", "look", "passed", "wrong", "arrived"):
            setattr(self, name, getattr(self, name)[on])
        for evidence in self.evidence:
            evidence.keep(on)

    def _draw(self, before: float, at: float) -> dict[str, tuple[Counts, Counts, Counts, Counts]]:
        every = self.rng.poisson(self.world.per_day * (at - before), size=len(self.run))
        candidate = self.rng.binomial(every, self.weights[self.step])
        champion = every - candidate
        lacking = np.maximum(self.canary.warmup.requests - self.arrived[:, :, 0].sum(axis=1), 0)
        rows = np.arange(len(self.run))
        self.arrived[rows, self.step, 0] += candidate
        self.arrived[rows, self.step, 1] += champion
        # The last of k moments that are spread evenly over a stretch of time.
        last = before + (at - before) * self.rng.random(len(self.run)) ** (1.0 / np.maximum(candidate, 1))
        self.heard = np.where(candidate > 0, last, self.heard)
        elapsed = at / self.lasts
        found: dict[str, tuple[Counts, Counts, Counts, Counts]] = {}
        for judge, evidence in zip(self.canary.judge, self.evidence, strict=True):
            slow = judge.metric == SLOW_REQUEST
            n = np.maximum(candidate - lacking, 0) if slow else candidate
            others = np.where(lacking > 0, 0, champion) if slow else champion
            rates = self.world.rates(judge.metric, elapsed)
            if judge.count == "units":
                n, others = self.world.units(self.rng, n), self.world.units(self.rng, others)
                bad, worse = (
                    self.rng.binomial(units, rate) for units, rate in zip((n, others), self.world.judged(judge, elapsed), strict=True)
                )
            else:
                bad, worse = self.world.bad(self.rng, n, rates[0]), self.world.bad(self.rng, others, rates[1])
            evidence.add(self.step, n, bad, worse)
            found[judge.metric] = (n, bad, others, worse)
        return found

    def _looked(self, due: Which, at: float) -> None:
        """A look of the flow at those where one is due, in the order of caution."""
        canary, rule = self.canary, self.canary.no_data
        warm = self.arrived[:, :, 0].sum(axis=1) >= canary.warmup.requests
        if at >= canary.warmup.time / _DAY:
            at_least = log(1.0 / canary.false_promotion)
            for position, evidence in enumerate(self.evidence):
                self.passed[:, position] |= due & warm & (evidence.promote() >= at_least)
        self.wrong |= due & (shares(self.weights, self.arrived[:, :, 0], self.arrived[:, :, 1]) >= ALARM).any(axis=1)
        after, deadline = rule.after / _DAY, self.heard + (rule.after + rule.deadline) / _DAY
        silent = due & (at - self.heard > after)
        lost = silent & ((at >= deadline) | (rule.then == "rollback"))
        self.look = np.where(silent, np.minimum(at + after, deadline), self.look)

        n = len(canary.steps)
        baking = self.step == n
        between = np.array([interval(canary, step, baking=step == n) / _DAY for step in range(len(self.weights))])
        over = self.since + self.holds[self.step]
        rest = np.append(np.cumsum(self.holds[:n][::-1])[::-1], self.holds[n:])[self.step]
        rolls_back = canary.when_undecided == "rollback"
        wrong = due & ~silent & self.wrong
        unproven = wrong & (at >= self.since + rest - _HAIR) & rolls_back
        waited = [judge.promotes for judge in canary.judge]
        passed = due & ~silent & ~wrong & any(waited) & self.passed[:, waited].all(axis=1)
        bakes = passed & ~baking & (canary.bake is not None)
        promoted = passed & ~bakes & (~baking | (at >= over - _HAIR))
        going = due & ~silent & ~wrong & ~promoted & ~bakes
        done = going & (at >= over - _HAIR)
        raised = done & (self.step + 1 < n) & ~baking
        undecided = done & ~raised & rolls_back
        self.look = np.where(wrong | (done & ~raised), at + between[self.step], self.look)
        self.look = np.where(going & ~done, np.minimum(over, at + between[self.step]), self.look)
        self.step = np.where(bakes, n, np.where(raised, self.step + 1, self.step))
        self.since = np.where(raised | bakes, at, self.since)
        self.look = np.where(raised | bakes, at + between[self.step], self.look)
        how = np.select([lost, unproven | undecided, promoted], [NO_DATA, UNDECIDED, PROMOTED], default="")
        for end in (NO_DATA, UNDECIDED, PROMOTED):
            self.end(how == end, end, at)
            how = how[how != end]
