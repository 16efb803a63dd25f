"""Evidence that a canary is worse, or no worse, than the champion: valid at every look and under every ramp of its share.

Given that a request failed, the chance that it was the canary's is theta_w(r) = w r / (w r + 1 - w), where w is the canary's share and
r the ratio of the two failure rates. It needs no denominators, and neither a rate that moves in time nor a share that changes by step
disturbs it. Every function returns the natural logarithm of an e-process E, so that P(E ever reaches 1/alpha) <= alpha (Ville 1939).
Standard library alone: the abort side runs inside the serving process.

Sources: Lindon and Malek, arXiv 2011.03567; Lindon, Sanden and Shirikian, arXiv 2205.14762; Howard et al. 2021. Fresh starts every 2,000
requests, which would find a late outage sooner, are left out: they need the order of the failures, and counts merge without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, inf, log, log1p

from headrace.stats.sample_ratio import mixture as share_evidence

Grid = tuple[tuple[float, float], ...]
"""Alternatives, each with the logarithm of its weight; the weights add up to 1."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Counts of one metric while the canary's share stood still.

    `weight` is the canary's share, in (0, 1); a stratum with a share of 0 or 1 says nothing about the ratio and is passed over there.
    """

    weight: float
    n_candidate: int
    bad_candidate: int
    n_champion: int
    bad_champion: int


def e_ratio(strata: Iterable[Stratum]) -> float:
    """Log E against "the canary fails no more often than the champion" (r <= 1): 24 ratios on [1.1, 10], equally likely before."""
    return _likelihood(strata, RATIO, 1.0)


def e_ceiling(n: int, x: int, p0: float) -> float:
    """Log E against "the canary's rate is at most p0", from its x failures in n requests: odds 1.25 to 50 times those of p0, 16 of them."""
    return _binomial(n, x, p0, above(p0))


def abort_evidence(strata: Sequence[Stratum], ceiling: float | None) -> float:
    """Log E for aborting by one metric: 0.8 of the ratio's and 0.2 of the ceiling's, or the ratio's alone where no ceiling is declared."""
    ratio = e_ratio(strata)
    if ceiling is None:
        return ratio
    n, x = _candidate(strata)
    return _logsumexp((log(0.8) + ratio, log(0.2) + e_ceiling(n, x, ceiling)))


def abort(strata: Sequence[Stratum], ceiling: float | None, *, k: int, alpha: float) -> bool:
    """Whether one of k metrics has the evidence to abort, at a chance of `alpha` that any of them does so falsely."""
    return abort_evidence(strata, ceiling) >= log(k / alpha)


def e_relative(strata: Iterable[Stratum], margin: float) -> float:
    """Log E against "the canary fails at least `margin` times as often" (r >= margin): 16 ratios on [0.6, margin/1.1], centred on 1."""
    return _likelihood(strata, relative(margin), margin)


def e_absolute(n: int, x: int, negligible: float) -> float:
    """Log E against "the canary's rate is at least `negligible`": 12 rates from 0.02 to 0.8 of it, equally likely before."""
    return _binomial(n, x, negligible, below(negligible))


def promote_evidence(strata: Sequence[Stratum], margin: float, negligible: float) -> float:
    """Log E for promotion by one metric: the mean of the relative and the absolute e-process.

    What it speaks against is "at least `margin` times the champion's rate *and* at least `negligible`, throughout".
    """
    n, x = _candidate(strata)
    return _logsumexp((e_relative(strata, margin), e_absolute(n, x, negligible))) - log(2.0)


def promote(strata: Sequence[Stratum], margin: float, negligible: float, *, alpha: float) -> bool:
    """Whether one metric has passed; all must pass, and so none needs a correction for the others."""
    return promote_evidence(strata, margin, negligible) >= log(1.0 / alpha)


def mirrored(strata: Iterable[Stratum]) -> list[Stratum]:
    """The same counts with the arms swapped: what speaks of the ratio r here speaks of 1 / r there."""
    return [Stratum(1.0 - s.weight, s.n_champion, s.bad_champion, s.n_candidate, s.bad_candidate) for s in strata]


def e_beyond(strata: Sequence[Stratum], margin: float) -> float:
    """Log E against "the rates differ by less than `margin`, either way" (1 / margin <= r <= margin): the mean of both sides'."""
    sides = (strata, mirrored(strata))
    return _logsumexp([_likelihood(side, outside(margin), margin) for side in sides]) - log(2.0)


def e_within(strata: Sequence[Stratum], margin: float) -> float:
    """Log E against "the rates differ by `margin` or more, one way or the other": the lesser of both sides', since both must be shown."""
    return min(e_relative(strata, margin), e_relative(mirrored(strata), margin))


@cache
def needed_without_failures(negligible: float, alpha: float) -> int:
    """How many canary requests promote a candidate when neither arm ever fails."""
    low, high = 0, 1
    while not promote((Stratum(0.5, high, 0, 0, 0),), 2.0, negligible, alpha=alpha):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if promote((Stratum(0.5, middle, 0, 0, 0),), 2.0, negligible, alpha=alpha):
            high = middle
        else:
            low = middle
    return high


def e_share(stratum: Stratum) -> float:
    """Log E against "requests arrive at the share that was set"; alarm at log(1000).

    The mixture of `sample_ratio`, worth 100 requests and centred on the share; a share of 0 or 1 says nothing.
    """
    w = stratum.weight
    return share_evidence((w, 1.0 - w), (stratum.n_candidate, stratum.n_champion)) if 0.0 < w < 1.0 else 0.0


def _likelihood(strata: Iterable[Stratum], grid: Grid, r0: float) -> float:
    totals = [weight for _, weight in grid]
    for stratum in strata:
        w, x = stratum.weight, stratum.bad_candidate
        failures = x + stratum.bad_champion
        if failures == 0 or not 0.0 < w < 1.0:
            continue
        for position, (r, _) in enumerate(grid):
            totals[position] += x * log(r / r0) - failures * log((w * r + 1.0 - w) / (w * r0 + 1.0 - w))
    return _logsumexp(totals)


def _binomial(n: int, x: int, p0: float, grid: Grid) -> float:
    return _logsumexp([weight + x * log(p / p0) + (n - x) * (log1p(-p) - log1p(-p0)) for p, weight in grid])


def _candidate(strata: Iterable[Stratum]) -> tuple[int, int]:
    n = x = 0
    for stratum in strata:
        n += stratum.n_candidate
        x += stratum.bad_candidate
    return n, x


@cache
def _equal(low: float, high: float, count: int) -> Grid:
    return tuple((value, -log(count)) for value in _spaced(low, high, count))


@cache
def above(p0: float) -> Grid:
    """The rates that a ceiling is judged by: odds 1.25 to 50 times its own, equally likely before."""
    odds = p0 / (1.0 - p0)
    return tuple((odds * m / (1.0 + odds * m), weight) for m, weight in _equal(1.25, 50.0, 16))


@cache
def relative(margin: float) -> Grid:
    """The ratios that a margin is judged by: from 0.6 to a tenth below it, likeliest at 1."""
    ratios = _spaced(0.6, margin / 1.1, 16)
    weights = [-0.5 * (log(r) / 0.15) ** 2 for r in ratios]
    total = _logsumexp(weights)
    return tuple((r, weight - total) for r, weight in zip(ratios, weights, strict=True))


@cache
def outside(margin: float) -> Grid:
    """The ratios beyond a margin that a shift is judged by: 1.1 to 10 times it, equally likely before."""
    return _equal(1.1 * margin, 10.0 * margin, 24)


@cache
def below(negligible: float) -> Grid:
    """The rates that a negligible one is judged by: 0.02 to 0.8 of it, equally likely before."""
    return tuple((negligible * share, weight) for share, weight in _equal(0.02, 0.8, 12))


def _spaced(low: float, high: float, count: int) -> list[float]:
    """`count` values from low to high, equally far apart in their logarithm."""
    step = log(high / low) / (count - 1)
    return [low * exp(step * i) for i in range(count)]


def _logsumexp(values: Sequence[float]) -> float:
    top = max(values)
    return top if top == -inf else top + log(sum(exp(value - top) for value in values))


RATIO = _equal(1.1, 10.0, 24)
"""The ratios that the champion's rate is judged by, where a candidate may be worse."""
