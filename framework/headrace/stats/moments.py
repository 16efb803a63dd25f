"""Sums over units that merge exactly: the same to the last bit in any order and any partition, however large the values are.

A float is a whole number times a power of two, and so are its square and its product with another: their sums are kept as fractions.
Nothing cancels, so that the variance of values near 1e9 is as good as that of values near 1. Sums that a database made are taken as they
are, with the rounding that they have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

_HALF = 27
"""A significand of 53 bits is cut into two of at most so many, so that products of the halves fit an integer of 64."""
_CHUNK = 1 << 18
"""Values at once: 2^18 numbers below 2^28 add up to less than 2^53, which a float holds exactly."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Moments:
    """The sum and the sum of squares of one value a unit, of n units; in the metric's unit, and in its square.

    `Moments()` is no unit at all. ValueError where sums contradict each other.
    """

    n: int = 0
    total: Fraction = Fraction(0)
    squares: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.n < 0 or (self.n == 0 and (self.total or self.squares)):
            raise ValueError(f"{self.n} units cannot have a sum")
        if self.n * self.squares * Fraction(1 + _ROUNDING) < self.total**2:
            raise ValueError(
                f"a sum of {float(self.total):g} over {self.n} units needs a larger sum of squares than {float(self.squares):g}"
            )

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """Those of (n,) values, one a unit; ValueError where one is not a finite number."""
        found = _finite(values)
        (total,), (squares,) = _sums(found)
        return cls(len(found), total, squares)

    @classmethod
    def of_sums(cls, n: int, total: float, squares: float) -> Moments:
        """Those of sums that were made elsewhere; ValueError where one is not a finite number."""
        return cls(n, _fraction(total), _fraction(squares))

    @property
    def mean(self) -> float:
        """The mean; UntestableError without a unit."""
        if not self.n:
            raise UntestableError("there is no unit")
        return float(self.total / self.n)

    @property
    def variance(self) -> float:
        """The variance of one unit's value, with n - 1; UntestableError of fewer than two units."""
        if self.n < 2:  # noqa: PLR2004 - one unit has no variance
            raise UntestableError(f"{self.n} units have no variance, and two have")
        return float(max(Fraction(0), self.squares - self.total**2 / self.n) / (self.n - 1))


@dataclass(frozen=True, slots=True)
class JointMoments:
    """Moments of two values a unit, `y` and `x`, and the sum of their products.

    An outcome and a covariate, or a numerator and a denominator.
    """

    y: Moments = field(default_factory=Moments)
    x: Moments = field(default_factory=Moments)
    products: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.y.n != self.x.n:
            raise ValueError(f"{self.y.n} and {self.x.n} units: each has both values")
        if self.y.squares * self.x.squares * Fraction(1 + _ROUNDING) < self.products**2:
            raise ValueError(f"a sum of products of {float(self.products):g} needs larger sums of squares")

    def __add__(self, other: JointMoments) -> JointMoments:
        return JointMoments(self.y + other.y, self.x + other.x, self.products + other.products)

    @classmethod
    def of(cls, y: ArrayLike, x: ArrayLike) -> JointMoments:
        """Those of (n,) values each, one a unit; ValueError where one is not a finite number, or where they are not as many."""
        of_y, of_x = _finite(y), _finite(x)
        if len(of_y) != len(of_x):
            raise ValueError(f"{len(of_y)} and {len(of_x)} values: each unit has both")
        totals, (y2, products, x2) = _sums(of_y, of_x)
        return cls(Moments(len(of_y), totals[0], y2), Moments(len(of_x), totals[1], x2), products)

    @classmethod
    def of_sums(cls, y: Moments, x: Moments, products: float) -> JointMoments:
        """Those of sums that were made elsewhere; ValueError where one is not a finite number."""
        return cls(y, x, _fraction(products))

    @property
    def n(self) -> int:
        """The units."""
        return self.y.n

    @property
    def covariance(self) -> float:
        """The covariance of one unit's two values, with n - 1; UntestableError of fewer than two units."""
        if self.n < 2:  # noqa: PLR2004 - one unit has no covariance
            raise UntestableError(f"{self.n} units have no covariance, and two have")
        return float((self.products - self.y.total * self.x.total / self.n) / (self.n - 1))


def _fraction(value: float) -> Fraction:
    try:
        return Fraction(value)
    except (ValueError, OverflowError):
        raise ValueError(f"a sum is {value}, which is not a finite number") from None


def _finite(values: ArrayLike) -> Values:
    import numpy as np

    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise ValueError(f"values have the shape {found.shape}: one a unit is needed")
    if not (sound := np.isfinite(found)).all():
        raise ValueError(f"{int((~sound).sum()):,} of {len(found):,} values are not finite numbers")
    return found


def _sums(*columns: Values) -> tuple[list[Fraction], list[Fraction]]:
    """The sum of each column, and of the products of each with itself and those after it: schoolbook multiplication of the halves."""
    pairs = [(i, j) for i in range(len(columns)) for j in range(i, len(columns))]
    totals, products = [Fraction(0)] * len(columns), [Fraction(0)] * len(pairs)
    for start in range(0, len(columns[0]), _CHUNK):
        halves = [_halves(column[start : start + _CHUNK]) for column in columns]
        for place, (exponent, high, low) in enumerate(halves):
            totals[place] += _gathered(exponent, ((high, _HALF), (low, 0)), 53)
        for place, (i, j) in enumerate(pairs):
            (of_one, a, b), (of_other, c, d) = halves[i], halves[j]
            products[place] += _gathered(of_one + of_other, ((a * c, 2 * _HALF), (a * d + b * c, _HALF), (b * d, 0)), 106)
    return totals, products


def _halves(values: Values) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Exponents, and both halves of the whole numbers below 2^53, so that each value is (high 2^27 + low) 2^(exponent - 53)."""
    import numpy as np

    significand, exponent = np.frexp(values)
    whole = np.ldexp(significand, 53).astype(np.int64)
    return exponent.astype(np.int64), whole >> _HALF, whole & ((1 << _HALF) - 1)


def _gathered(exponent: NDArray[np.int64], terms: tuple[tuple[NDArray[np.int64], int], ...], bits: int) -> Fraction:
    """The sum of term * 2^(exponent + shift - bits) over all terms, whole numbers below 2^55, with their shifts."""
    import numpy as np

    least = int(exponent.min())
    at, mask, total = exponent - least, (1 << _HALF) - 1, 0
    for term, shift in terms:
        for part, more in ((term >> _HALF, _HALF), (term & mask, 0)):
            sums = np.bincount(at, weights=part)
            for place in np.flatnonzero(sums).tolist():
                total += int(sums[place]) << (place + shift + more)
    return total * Fraction(2) ** (least - bits)
