"""What bounded scores show of their mean at every look: exact for any distribution on 0 to 1, by betting against each mean.

Whoever holds that the mean is m offers fair bets on the next score less m. A fortune that grows says that they are wrong. The bets are
a fixed share of the fortune, mixed over 32 shares, so that counts of scores are all that is needed, whatever their order. A score is
counted in thousandths, rounded down for a lower bound and up for an upper one: a bound may be wider by 0.001 for it, and is never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING

from headrace.stats.effect import checked_alpha
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

_CELLS = 1000
_SHARES = 32
_LEAST, _MOST = 1e-4, 0.95
_PRECISION = 1e-9


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts of scores in 0 to 1: cell 2 i holds those that are i / 1000, cell 2 i + 1 those between i / 1000 and (i + 1) / 1000."""

    counts: tuple[int, ...] = field(default=(0,) * (2 * _CELLS + 1))

    def __post_init__(self) -> None:
        if len(self.counts) != 2 * _CELLS + 1 or min(self.counts) < 0:
            raise ValueError(f"{2 * _CELLS + 1} counts of 0 or more are needed")

    def __add__(self, other: Scores) -> Scores:
        return Scores(tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @classmethod
    def of(cls, values: ArrayLike) -> Scores:
        """Those of (n,) scores; ValueError where one is not a number from 0 to 1."""
        import numpy as np

        found = np.asarray(values, dtype=np.float64)
        if not (sound := (found >= 0) & (found <= 1)).all():
            raise ValueError(f"{int((~sound).sum()):,} of {found.size:,} scores are not between 0 and 1")
        # 0.29 * 1000 lies just beside 290, so what is on the lattice is asked of the lattice.
        nearest = np.rint(found * _CELLS).astype(np.int64)
        exact = nearest / _CELLS
        cells = 2 * nearest + np.sign(found - exact).astype(np.int64)
        return cls(tuple(np.bincount(cells, minlength=2 * _CELLS + 1).tolist()))

    @property
    def n(self) -> int:
        """The scores."""
        return sum(self.counts)


def evidence_above(scores: Scores, mean: float) -> float:
    """Log E against "the mean is at most `mean`", in 0 to 1; alarm at log(1 / alpha), at any look.

    Source: Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", eq. 24 with the bets of a grid
    (its appendix B, "GridKelly"), one-sided.
    """
    low, _ = _edges(scores)
    return _fortune(*low, mean)


def evidence_below(scores: Scores, mean: float) -> float:
    """Log E against "the mean is at least `mean`"; the same with each score taken from 1."""
    _, high = _edges(scores)
    return _fortune(1 - high[0], high[1], 1 - mean)


def interval(scores: Scores, *, alpha: float) -> tuple[float, float]:
    """A lower and an upper bound of the mean that hold together at every look but with the chance alpha.

    Source: Waudby-Smith and Ramdas (2024), theorem 3. UntestableError without a score.
    """
    if not scores.n:
        raise UntestableError("there is no score")
    enough = log(2 / checked_alpha(alpha))
    (low, low_counts), (high, high_counts) = _edges(scores)
    return _refused(low, low_counts, enough), 1 - _refused(1 - high, high_counts, enough)


def difference(control: Scores, treatment: Scores, *, alpha: float) -> tuple[float, float]:
    """Bounds of the treatment's mean less the control's, from both intervals at alpha / 2; of pairs, score (difference + 1) / 2 instead."""
    (low_c, high_c), (low_t, high_t) = (interval(arm, alpha=checked_alpha(alpha) / 2) for arm in (control, treatment))
    return low_t - high_c, high_t - low_c


def _edges(scores: Scores) -> tuple[tuple[Values, Values], tuple[Values, Values]]:
    """Values and counts of the cells that hold a score: rounded down, and rounded up."""
    import numpy as np

    counts = np.array(scores.counts, dtype=np.float64)
    cells = np.flatnonzero(counts)
    return ((cells // 2) / _CELLS, counts[cells]), ((cells + 1) // 2 / _CELLS, counts[cells])


def _refused(values: Values, counts: Values, enough: float) -> float:
    """The largest mean that the bets refuse: what a fortune against m is worth falls as m rises."""
    low, high = 0.0, 1.0
    if _fortune(values, counts, high) >= enough:
        return high
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if _fortune(values, counts, middle) >= enough else (low, middle)
    return low


def _fortune(values: Values, counts: Values, mean: float) -> float:
    """Log of the mixed fortune of bets on scores above `mean`: the mean over shares c of the product of 1 - c + c x / mean."""
    import numpy as np
    from scipy.special import logsumexp

    if not 0 <= mean <= 1:
        raise ValueError(f"a mean of {mean} does not lie in 0 to 1")
    if mean == 0:
        return float("inf") if (counts[values > 0] > 0).any() else 0.0
    shares = np.geomspace(_LEAST, _MOST, _SHARES)
    growth = np.log(1 - shares[:, None] + shares[:, None] * (values / mean)[None, :]) @ counts
    return float(logsumexp(growth) - log(_SHARES))
