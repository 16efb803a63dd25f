"""What rollouts are judged by beside errors: a shift of the answers, quality whose labels come late, and units in place of requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from rows import Row, at_most

from headrace.rollout.canary import Canary, Judge, NoData, Step, Warmup
from headrace.rollout.simulate import HARMFUL, PROMOTED, simulate
from headrace.rollout.world import Effect, Rate, World
from headrace.stats.eprocess import Stratum, e_beyond, e_within
from headrace.stats.eprocess_many import Evidence

ALPHA, MARGIN, LOOKS, SIZE = 0.05, 1.5, 40, 500
ENOUGH = np.log(1 / ALPHA)


def rows(runs: int, seed: int) -> Iterator[Row]:
    yield from _shifts(max(200, runs // 4), seed)
    yield from _late(runs, seed)
    yield from _units(max(200, runs // 4), seed)


def _shifts(runs: int, seed: int) -> Iterator[Row]:
    """20 % of the champion's answers are yes; a look every 500 requests."""
    for share in (0.1, 0.5):
        for times in (1.0, MARGIN, 1 / MARGIN):
            top = np.full((runs, 2), -np.inf)
            rng = np.random.default_rng(seed)
            for run in range(runs):
                n, x, m, y = 0, 0, 0, 0
                for _ in range(LOOKS):
                    mine = rng.binomial(SIZE, share)
                    n, m = n + mine, m + SIZE - mine
                    x, y = x + rng.binomial(mine, 0.2 * times), y + rng.binomial(SIZE - mine, 0.2)
                    seen = [Stratum(share, n, x, m, y)]
                    top[run] = np.maximum(top[run], (e_beyond(seen, MARGIN), e_within(seen, MARGIN)))
            where = f"answers of yes {times:.2g} times as often, margin {MARGIN:g} either way, share {share:g}, {LOOKS * SIZE:,} requests"
            yield at_most(f"false rollback for a shift: {where}", int((top[:, 0] >= ENOUGH).sum()), runs, ALPHA)
            if times != 1.0:
                yield at_most(f"false promotion for likeness: {where}", int((top[:, 1] >= ENOUGH).sum()), runs, ALPHA)


def _late(runs: int, seed: int) -> Iterator[Row]:
    """Labels come ten blocks late, for a share that rises and an error that doubles meanwhile: each counts in the epoch of its request."""
    shares, blocks = (0.05, 0.10, 0.25, 0.50), 200
    for name, times, which in (("false rollback", 1.0, "abort"), ("false promotion at the margin", MARGIN, "promote")):
        rng, top, waiting = np.random.default_rng(seed), np.full(runs, -np.inf), []
        evidence = Evidence(runs, shares, ceiling=None, margin=MARGIN, negligible=0.01)
        for block in range(blocks):
            step, rate = block * 4 // blocks, 0.1 + 0.1 * block / blocks
            n = rng.binomial(200, shares[step], runs)
            waiting.append((np.full(runs, step), n, rng.binomial(n, rate * times), rng.binomial(200 - n, rate)))
            if len(waiting) > 10:
                evidence.add(*waiting.pop(0))
                top = np.maximum(top, getattr(evidence, which)())
        yield at_most(f"{name}: quality, labels late, share 5 to 50 %, wrong 10 to 20 %", int((top >= ENOUGH).sum()), runs, ALPHA)


def _units(runs: int, seed: int) -> Iterator[Row]:
    """20 requests come of each unit, and half of what makes them fail is the unit's own."""
    canary = Canary(
        unit="user",
        steps=[Step(weight=0.1, hold=timedelta(days=5)), Step(weight=0.5, hold=timedelta(days=5))],
        judge=[Judge(metric="error_rate", count="units", negligible=0.05)],
        warmup=Warmup(requests=0, time=timedelta()),
        no_data=NoData(after=timedelta(days=5), deadline=timedelta(days=5)),
    )
    base = {"error_rate": Rate(0.05, 0.05)}
    world = World(name="", per_day=10_000, base=base, effect={}, cluster=20, icc=0.5)
    same = simulate(canary, world, runs=runs, seed=seed, every=200)
    yield at_most("false rollback: units of 20 requests, correlation 0.5", int((same.end == HARMFUL).sum()), runs, ALPHA)
    beyond = World(name="", per_day=10_000, base=base, effect={"error_rate": Effect(times=2.6)}, cluster=20, icc=0.5)
    (candidate, champion), _ = beyond._ends(canary.judge[0])
    assert candidate >= 2.0 * champion
    worse = simulate(canary, beyond, runs=runs, seed=seed, every=200)
    yield at_most("false promotion: the same, twice as many units fail", int((worse.end == PROMOTED).sum()), runs, ALPHA)
