"""The canary's table: many runs at once, with the grids of `headrace.stats.eprocess`, checked against it before anything is counted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rows import Row, at_least, at_most, requests

from headrace.stats import eprocess
from headrace.stats.eprocess import Stratum, abort_evidence, needed_without_failures, promote_evidence

ALPHA = 0.05
SHARES = (0.05, 0.10, 0.25, 0.50)


class Evidence:
    """The e-processes of many runs at once; counts are added block by block, each at its own share."""

    def __init__(self, runs: int, ceiling: float | None = None, margin: float = 2.0, negligible: float = 0.005) -> None:
        self.ratio = _grid(eprocess.RATIO)
        self.relative, self.absolute = _grid(eprocess.relative(margin)), _grid(eprocess.below(negligible))
        self.top = _grid(eprocess.above(ceiling)) if ceiling else None
        self.margin, self.negligible, self.ceiling = margin, negligible, ceiling
        self.n, self.x = np.zeros(runs), np.zeros(runs)
        self.log_ratio, self.log_relative = np.zeros((runs, 24)), np.zeros((runs, 16))

    def add(self, w, n, x, y) -> None:
        self.n, self.x = self.n + n, self.x + x
        self.log_ratio += _step(self.ratio[0], 1.0, w, x, y)
        self.log_relative += _step(self.relative[0], self.margin, w, x, y)

    def _binomial(self, found, p0):
        p, weight = found
        return _mean(np.outer(self.x, np.log(p / p0)) + np.outer(self.n - self.x, np.log1p(-p) - np.log1p(-p0)), weight)

    def ratio_alone(self):
        return _mean(self.log_ratio, self.ratio[1])

    def abort(self):
        if self.top is None:
            return self.ratio_alone()
        return np.logaddexp(np.log(0.8) + self.ratio_alone(), np.log(0.2) + self._binomial(self.top, self.ceiling))

    def promote(self):
        return np.logaddexp(_mean(self.log_relative, self.relative[1]), self._binomial(self.absolute, self.negligible)) - np.log(2)


def rows(runs: int, seed: int) -> Iterator[Row]:
    _agrees(seed)
    yield from _healthy(runs, seed)
    yield from _ramps(runs, seed)
    yield from _detections(runs, seed)
    yield from _false_promotions(runs, seed)
    yield from _promotions(runs, seed)
    yield from _silent()


def _agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, strata = Evidence(20, ceiling=0.03, margin=1.5, negligible=0.01), [[] for _ in range(20)]
    for w in SHARES:
        n, b = rng.integers(0, 400, 20), rng.integers(0, 2000, 20)
        x, y = rng.binomial(n, 0.03), rng.binomial(b, 0.02)
        found.add(w, n, x, y)
        for run in range(20):
            strata[run].append(Stratum(w, *(int(v[run]) for v in (n, x, b, y))))
    assert np.allclose(found.abort(), [abort_evidence(s, 0.03) for s in strata])
    assert np.allclose(found.promote(), [promote_evidence(s, 1.5, 0.01) for s in strata])


def _each_failure(runs, seed, w, base, candidate, *, most=np.inf, ceiling=None, at=None):
    """By run the greatest log evidence, and the canary's requests when it passed each of `at`: it can only rise at a failure.

    Runs that have decided all, or whose requests are over, are dropped: the others alone are drawn.
    """
    rng, evidence = np.random.default_rng(seed), Evidence(runs, ceiling=ceiling)
    bars = np.log(np.array(at if at is not None else [1 / ALPHA]))
    came, top, found = np.zeros(runs), np.full(runs, -np.inf), np.full((runs, len(bars)), np.inf)
    q = w * candidate + (1 - w) * base
    active = np.arange(runs) if q > 0 else np.arange(0)
    while len(active):
        gap = rng.geometric(q, len(active))
        came[active] += gap
        active, gap = active[live := came[active] <= most], gap[live]
        mine = rng.random(len(active)) < w * candidate / q
        healthy = rng.binomial(gap - 1, w * (1 - candidate) / (1 - q))
        part = _part(evidence, active)
        part.add(w, healthy + mine, mine.astype(float), (~mine).astype(float))
        _back(evidence, part, active)
        top[active] = np.maximum(top[active], part.abort())
        crossed = (top[active][:, None] >= bars) & np.isinf(found[active])
        found[active] = np.where(crossed, evidence.n[active][:, None], found[active])
        active = active[np.isinf(found[active]).any(axis=1)]
    return top, found


def _part(whole: Evidence, at: np.ndarray) -> Evidence:
    part = Evidence(0, whole.ceiling, whole.margin, whole.negligible)
    part.n, part.x, part.log_ratio, part.log_relative = whole.n[at], whole.x[at], whole.log_ratio[at], whole.log_relative[at]
    return part


def _back(whole: Evidence, part: Evidence, at: np.ndarray) -> None:
    whole.n[at], whole.x[at], whole.log_ratio[at], whole.log_relative[at] = part.n, part.x, part.log_ratio, part.log_relative


def _healthy(runs, seed) -> Iterator[Row]:
    for share in (0.5, 0.1, 0.05):
        for base in (0.0, 0.001, 0.01, 0.02):
            _, found = _each_failure(2 * runs, seed, share, base, base, most=40_000, ceiling=0.02, at=[1 / ALPHA, 2 / ALPHA])
            name = f"A/A, share {share:g}, base {base:g}, ceiling 2 %, 40,000 requests, a look at each"
            yield at_most(f"{name}, k = 1", int(np.isfinite(found[:runs, 0]).sum()), runs, ALPHA)
            yield at_most(f"{name}, k = 2", int(np.isfinite(np.minimum(found[:runs, 1], found[runs:, 1])).sum()), runs, ALPHA)


def _ramps(runs, seed) -> Iterator[Row]:
    cases = [
        (0.005, 0.03, 0.05, False),
        (0.03, 0.005, 0.05, False),
        (0.005, 0.019, 0.02, False),
        (0.0005, 0.003, 0.02, False),
        (0.005, 0.03, 0.02, True),
    ]
    for start, end, ceiling, alone in cases:
        rng, blocks, size = np.random.default_rng(seed), 400, 100
        evidence, top = Evidence(2 * runs, ceiling=ceiling), np.full(2 * runs, -np.inf)
        for block in range(blocks):
            w, p = SHARES[block * 4 // blocks], start + (end - start) * block / (blocks - 1)
            n = rng.binomial(size, w, 2 * runs)
            evidence.add(w, n, rng.binomial(n, p), rng.binomial(size - n, p))
            top = np.maximum(top, np.log(0.8) + evidence.ratio_alone() if alone else evidence.abort())
        name = f"A/A, share 5 to 50 %, error {start:g} to {end:g}, ceiling {ceiling:g}" + (", the ratio's part alone" if alone else "")
        bound = 0.04 if alone else ALPHA
        yield at_most(f"{name}, k = 1", int((top[:runs] >= np.log(1 / ALPHA)).sum()), runs, bound)
        yield at_most(f"{name}, k = 2", int((np.maximum(top[:runs], top[runs:]) >= np.log(2 / ALPHA)).sum()), runs, bound)


def _detections(runs, seed) -> Iterator[Row]:
    cases = [(0.1, base, 0.02, (1100, 2700), (1350, 3100)) for base in (0.01, 0.0, 0.001)]
    cases += [(0.1, base, 0.05, (120, 290), (140, 320)) for base in (0.01, 0.0, 0.001)]
    cases += [(0.1, 0.001, 0.002, (11_000, 28_000), (14_000, 34_000))]
    for share, base, candidate, *bounds in cases:
        _, found = _each_failure(runs, seed, share, base, candidate, at=[1 / ALPHA, 2 / ALPHA])
        for k, (median, ninth) in enumerate(bounds):
            yield requests(f"{base:g} to {candidate:g} at share {share:g}, k = {k + 1}", found[:, k], median, ninth)
    for base in (0.0, 0.001, 0.01):
        found = _outage(runs, seed, base)
        for k, (median, ninth) in enumerate(((8, 13), (9, 13))):
            yield requests(f"outage of 50 % at share 0.05, base {base:g}, a look every 10, k = {k + 1}", found[:, k], median, ninth)


def _outage(runs, seed, base) -> np.ndarray:
    rng, evidence, found = np.random.default_rng(seed), Evidence(runs), np.full((runs, 2), np.inf)
    while np.isinf(found).any():
        n = rng.binomial(10, 0.05, runs)
        evidence.add(0.05, n, rng.binomial(n, 0.5), rng.binomial(10 - n, base))
        crossed = (evidence.abort()[:, None] >= np.log([1 / ALPHA, 2 / ALPHA])) & np.isinf(found)
        found = np.where(crossed, evidence.n[:, None], found)
    return found


def _false_promotions(runs, seed) -> Iterator[Row]:
    cases = [(0.01, 0.02, 2.0, 0.1), (0.01, 0.015, 1.5, 0.1), (0.01, 0.015, 1.5, 0.5), (0.0025, 0.005, 2.0, 0.1), (0.0, 0.005, 2.0, 0.1)]
    for base, candidate, margin, share in cases:
        rng, evidence, top = np.random.default_rng(seed), Evidence(runs, margin=margin), np.full(runs, -np.inf)
        for _ in range(400):
            n = rng.binomial(100, share, runs)
            evidence.add(share, n, rng.binomial(n, candidate), rng.binomial(100 - n, base))
            top = np.maximum(top, evidence.promote())
        name = f"false promotion, {base:g} against {candidate:g}, margin {margin:g}, share {share:g}, 40,000 requests, a look every 100"
        yield at_most(name, int((top >= np.log(1 / ALPHA)).sum()), runs, ALPHA)


def _promotions(runs, seed) -> Iterator[Row]:
    """k metrics are independent; the first that aborts ends the run, and all have to pass."""
    for base in (0.0, 0.001, 0.01):
        for k in (1, 2):
            rng, metrics = np.random.default_rng(seed), [Evidence(runs, ceiling=0.02) for _ in range(k)]
            passed, over, promoted = np.zeros((k, runs), bool), np.zeros(runs, bool), np.zeros(runs, bool)
            for block in range(1, 601):
                n = rng.binomial(100, 0.1, runs)
                for place, evidence in enumerate(metrics):
                    evidence.add(0.1, n, rng.binomial(n, base), rng.binomial(100 - n, base))
                    passed[place] |= evidence.promote() >= np.log(1 / ALPHA)
                    over |= ~promoted & (evidence.abort() >= np.log(k / ALPHA))
                promoted |= ~over & passed.all(axis=0)
                if block in (400, 600):
                    bound = 0.96 if block == 600 else (0.94, 0.92)[k - 1]
                    name = f"healthy promoted, base {base:g}, margin 2, share 0.1, {block * 100:,} requests, k = {k}"
                    yield at_least(name, int(promoted.sum()), runs, bound)


def _silent() -> Iterator[Row]:
    needed = needed_without_failures(0.005, ALPHA)
    yield Row("no errors, negligible 0.5 %, a look at each request", {"needed": needed, "exactly": 860}, kept=needed == 860)
    every = -(-needed // 50) * 50
    yield Row("no errors, negligible 0.5 %, a look every 50", {"needed": every, "at_most": 900}, kept=every <= 900)


def _step(r, r0, w, x, y):
    return np.outer(x, np.log(r / r0)) - np.outer(x + y, np.log((w * r + 1 - w) / (w * r0 + 1 - w)))


def _grid(pairs):
    return tuple(np.array(column) for column in zip(*pairs, strict=True))


def _mean(values, log_weights):
    total = values + log_weights
    top = total.max(axis=1)
    return top + np.log(np.exp(total - top[:, None]).sum(axis=1))
