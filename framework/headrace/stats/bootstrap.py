"""How sure a difference between two models is, from the same held-out rows drawn again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Metric = Callable[[NDArray[np.float64], NDArray[np.float64]], float]

_CHUNK = 2_000_000
"""Weights held at once: 16 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference and two bounds, each holding alone with `confidence` (so both together with 2 confidence - 1)."""

    estimate: float
    low: float
    high: float
    confidence: float
    resamples: int


def difference(
    metric: Metric | Literal["roc_auc"],
    target: NDArray[np.float64],
    candidate: NDArray[np.float64],
    reference: NDArray[np.float64],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """metric(candidate) - metric(reference) on the same rows, with one-sided percentile bounds (Efron and Tibshirani 1993, ch. 13).

    target, candidate, reference: shape (n,). `"roc_auc"` is computed by ranks for all resamples at once; any other metric is called for
    each. Resamples in which the metric is undefined (one class alone) are left out; with none left the bounds are infinite, so that no
    comparison passes for want of rows.
    """
    import numpy as np

    if metric == "roc_auc":
        estimate, drawn = _roc_auc(target, candidate, reference, seed, resamples)
    else:
        estimate = metric(target, candidate) - metric(target, reference)
        drawn = np.array(list(_each(metric, target, (candidate, reference), seed, resamples)))
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Interval(float(estimate), -np.inf, np.inf, confidence, 0)
    low, high = np.quantile(drawn, [1.0 - confidence, confidence])
    return Interval(float(estimate), float(low), float(high), confidence, len(drawn))


def single(
    metric: Callable[..., float],
    target: NDArray[np.float64],
    predictions: NDArray[np.float64],
    *,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 1000,
    strata: NDArray[np.int64] | None = None,
) -> Interval:
    """metric(predictions) itself, with one-sided percentile bounds, as `difference` makes them.

    With `strata`, (n,), as many rows of each stratum are drawn as it has, and the metric is given the drawn rows' positions as a third
    argument.
    """
    import numpy as np

    everything = np.arange(len(target))
    estimate = float(metric(target, predictions, everything) if strata is not None else metric(target, predictions))
    drawn = np.array(list(_alone(metric, (target, predictions), strata, seed, resamples)))
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Interval(estimate, -np.inf, np.inf, confidence, 0)
    # Of two that were drawn, never one between: between an infinity and a number is nothing.
    low = np.quantile(drawn, 1.0 - confidence, method="lower")
    high = np.quantile(drawn, confidence, method="higher")
    return Interval(estimate, float(low), float(high), confidence, len(drawn))


def mean_difference(
    candidate: NDArray[np.float64], reference: NDArray[np.float64], *, seed: int, confidence: float = 0.95, resamples: int = 1000
) -> Interval:
    """The mean difference of two values of the same things, (n,) each, as `difference` bounds it: the things are drawn again.

    A thing without a value of either (NaN) is left out; with none left the estimate is NaN and the bounds are infinite.
    """
    import numpy as np

    apart = candidate - reference
    apart = apart[~np.isnan(apart)]
    if not len(apart):
        return Interval(np.nan, -np.inf, np.inf, confidence, 0)
    rng = np.random.default_rng(seed)
    n = len(apart)
    at_once = max(1, _CHUNK // n)
    parts = [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
    drawn = np.concatenate([apart[rng.integers(0, n, (rows, n))].mean(axis=1) for rows in parts])
    low, high = np.quantile(drawn, [1.0 - confidence, confidence])
    return Interval(float(apart.mean()), float(low), float(high), confidence, resamples)


def roc_auc(target: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN when a class is missing."""
    import numpy as np

    return float(_weighted_auc(target, scores)(np.ones((1, len(target))))[0])


def units(n: int, groups: NDArray[np.int64] | None = None) -> list[NDArray[np.intp]]:
    """The positions of the rows that are drawn together: each alone, or those of one group."""
    import numpy as np

    if groups is None:
        return list(np.arange(n)[:, None])
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def resampled(rows: Sequence[NDArray[np.intp]], seed: int, resamples: int) -> Iterator[NDArray[np.intp]]:
    """So many times as many units as there are, drawn with replacement, as the positions of their rows."""
    import numpy as np

    rng = np.random.default_rng(seed)
    flat, sizes = np.concatenate(rows), np.array([len(unit) for unit in rows])
    starts = np.cumsum(sizes) - sizes
    for _ in range(resamples):
        drawn = rng.integers(0, len(rows), len(rows))
        many = sizes[drawn]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        yield flat[np.repeat(starts[drawn], many) + within]


def _each(
    metric: Metric, target: NDArray[np.float64], pair: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int, resamples: int
) -> Iterator[float]:
    import numpy as np

    rng = np.random.default_rng(seed)
    candidate, reference = pair
    for _ in range(resamples):
        rows = rng.integers(0, len(target), len(target))
        try:
            yield float(metric(target[rows], candidate[rows]) - metric(target[rows], reference[rows]))
        except ValueError:  # what scikit-learn raises when a resample holds one class alone
            yield np.nan


def _alone(
    metric: Any,  # noqa: ANN401 - a metric of rows, and of their positions where there are strata
    given: tuple[NDArray[np.float64], NDArray[np.float64]],
    strata: NDArray[np.int64] | None,
    seed: int,
    resamples: int,
) -> Iterator[float]:
    import numpy as np

    target, predictions = given
    rng = np.random.default_rng(seed)
    parts = [np.arange(len(target))] if strata is None else [np.flatnonzero(strata == code) for code in np.unique(strata)]
    for _ in range(resamples):
        rows = np.concatenate([part[rng.integers(0, len(part), len(part))] for part in parts])
        where = () if strata is None else (rows,)
        try:
            yield float(metric(target[rows], predictions[rows], *where))
        except ValueError:  # what scikit-learn raises when a resample holds one class alone
            yield np.nan


def _roc_auc(
    target: NDArray[np.float64], candidate: NDArray[np.float64], reference: NDArray[np.float64], seed: int, resamples: int
) -> tuple[float, NDArray[np.float64]]:
    import numpy as np

    n = len(target)
    of_candidate, of_reference = _weighted_auc(target, candidate), _weighted_auc(target, reference)
    once = np.ones((1, n))
    estimate = float(of_candidate(once)[0] - of_reference(once)[0])
    rng = np.random.default_rng(seed)
    found = []
    at_once = max(1, _CHUNK // max(n, 1))
    for start in range(0, resamples, at_once):
        weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(min(at_once, resamples - start))]).astype(float)
        found.append(of_candidate(weights) - of_reference(weights))
    return estimate, np.concatenate(found)


def _weighted_auc(target: NDArray[np.float64], scores: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[Any]]:
    """A function of row weights, shape (b, n), to areas, shape (b,): the rows are sorted once."""
    import numpy as np

    order = np.argsort(scores, kind="stable")
    positive = target[order] > 0
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf)) if len(scores) else np.array([], dtype=np.intp)

    def area(weights: NDArray[np.float64]) -> NDArray[Any]:
        if not len(starts):
            return np.full(len(weights), np.nan)
        ordered = weights[:, order]
        good = np.add.reduceat(np.where(positive, ordered, 0.0), starts, axis=1)
        bad = np.add.reduceat(np.where(positive, 0.0, ordered), starts, axis=1)
        pairs = good.sum(axis=1) * bad.sum(axis=1)
        below = np.cumsum(bad, axis=1) - bad / 2.0
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(pairs > 0, (good * below).sum(axis=1) / pairs, np.nan)

    return area
