"""How well the rows of one group are ordered by their scores: the highest first, and of equal scores the mean over all their orders.

The means are exact: McSherry and Najork (2008), "Computing information retrieval performance measures efficiently in the presence of tied
scores". So the order of the rows never matters, and one score for all is worth what a random order is worth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Counts = NDArray[np.int64]


def ndcg(target: Values, predictions: Values, *, k: int | None = None) -> float:
    """What the order gains of what the best one would: a row of relevance r gains 2**r - 1, divided by log2(1 + its place).

    Source: Burges et al. (2005), "Learning to rank using gradient descent". NaN where no row is relevant.
    """
    import numpy as np

    gains = np.exp2(target) - 1
    discounts = 1 / np.log2(np.arange(2, len(target) + 2))
    discounts[k if k is not None else len(target) :] = 0
    best = float((np.sort(gains)[::-1] * discounts).sum())
    if not best > 0:
        return math.nan
    tied, sizes, starts = _tied(predictions)
    each = np.bincount(tied, gains) / sizes
    return float(each @ np.add.reduceat(discounts, starts)) / best


def map(target: Values, predictions: Values, *, k: int | None = None) -> float:  # noqa: A001 - the metric's name
    """The average precision: the mean, over the relevant rows, of the share of relevant rows down to each; NaN where none is relevant.

    A row is relevant from 1 on. With `k` it is divided by min(k, relevant rows), so that the best order has 1.
    """
    import numpy as np

    relevant = (target > 0).astype(float)
    all_of_them = int(relevant.sum())
    if not all_of_them:
        return math.nan
    tied, sizes, starts = _tied(predictions)
    there = np.bincount(tied, relevant)
    before = np.cumsum(there) - there
    block = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(1, len(target) + 1)
    above = place - starts[block] - 1
    others = np.where(sizes > 1, (there - 1) / np.maximum(sizes - 1, 1), 0.0)
    precision = (before[block] + 1 + above * others[block]) / place
    wanted = (there / sizes)[block] * precision
    return float(wanted[:k].sum()) / min(all_of_them, k or all_of_them)


def mrr(target: Values, predictions: Values, *, k: int | None = None) -> float:
    """One divided by the place of the first relevant row, 0 where that is not among the first k; NaN where none is relevant."""
    import numpy as np

    relevant = (target > 0).astype(float)
    if not relevant.any():
        return math.nan
    tied, sizes, starts = _tied(predictions)
    there = np.bincount(tied, relevant)
    first = int((there > 0).argmax())
    n, r = int(sizes[first]), int(there[first])
    nth = np.arange(1, n - r + 2)
    # The chance that the first relevant of r among n in any order is the nth: none before it, and then one.
    taken = r / (n - nth + 1)
    chance = taken * np.concatenate([[1.0], np.cumprod(1 - taken)[:-1]])
    place = int(starts[first]) + nth
    return float((chance / place)[place <= (k or len(target))].sum())


def _tied(predictions: Values) -> tuple[Counts, Counts, Counts]:
    """Of each row its block of equal scores, (n,), the highest first; how many rows each block has, (b,), and how many are before it."""
    import numpy as np

    _, tied, sizes = np.unique(-predictions, return_inverse=True, return_counts=True)
    return tied, sizes, np.cumsum(sizes) - sizes


def _metric(name: str) -> Metric:
    return Metric(name, f"{__name__}:{name}", "higher", needs="ranking", range=(0.0, 1.0), cuts=True)


METRICS = (_metric("ndcg"), _metric("map"), _metric("mrr"))
