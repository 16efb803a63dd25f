"""What was known of a unit before it was assigned, taken out of its outcome: the same effect with less noise (CUPED)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from headrace.stats.effect import Estimate
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.untestable import UntestableError


@dataclass(frozen=True, slots=True)
class Covaried:
    """One arm's units: those with a covariate, y the outcome and x the covariate, and the outcomes of those without one."""

    known: JointMoments = field(default_factory=JointMoments)
    missing: Moments = field(default_factory=Moments)

    def __add__(self, other: Covaried) -> Covaried:
        return Covaried(self.known + other.known, self.missing + other.missing)

    @property
    def outcome(self) -> Moments:
        """The outcomes of all units."""
        return self.known.y + self.missing


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Both arms' means without what the covariate says, and the share of the variance that it took away, in 0 to 1."""

    control: Estimate
    treatment: Estimate
    theta: float
    reduction: float


def adjust(control: Covaried, treatment: Covaried) -> Adjusted:
    """Y - theta (X - mean X) in both arms, theta = cov(Y, X) / var(X) of both together; `base` keeps the unadjusted means.

    The mean X is that of both arms, so that values stay on the metric's scale. Units without a covariate get its mean, and an indicator of
    being without one is a second covariate (its coefficient is how much the outcomes of those units lie above the others'). A covariate
    that does not vary takes nothing away. The covariate has to be known strictly before the assignment. Source: Deng, Xu, Kohavi and
    Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data", eqs. 2 to 4 and, of
    units without a covariate, section 4.2. UntestableError of fewer than two units in an arm.
    """
    both = control + treatment
    theta = _slope(both.known)
    apart = _fraction_mean(both.missing) - _fraction_mean(both.known.y) if both.missing.n and both.known.n else Fraction(0)
    centre = _fraction_mean(both.known.x) if both.known.n else Fraction(0)
    share = Fraction(both.missing.n, both.outcome.n) if both.outcome.n else Fraction(0)
    pieces = (_adjusted(control, theta, apart, centre, share), _adjusted(treatment, theta, apart, centre, share))
    before = sum(arm.outcome.variance * arm.outcome.n for arm in (control, treatment))
    after = sum(piece.variance * piece.n for piece in pieces)
    return Adjusted(*pieces, float(theta), max(0.0, 1 - after / before) if before else 0.0)


def _slope(known: JointMoments) -> Fraction:
    if not known.n:
        return Fraction(0)
    spread = known.x.squares - known.x.total**2 / known.n
    return (known.products - known.y.total * known.x.total / known.n) / spread if spread > 0 else Fraction(0)


def _adjusted(arm: Covaried, theta: Fraction, apart: Fraction, centre: Fraction, share: Fraction) -> Estimate:
    """Of y - theta (x - centre) for those with a covariate and y - apart for those without, all raised by apart * share."""
    known, missing = arm.known, arm.missing
    n = known.n + missing.n
    if n < 2:  # noqa: PLR2004 - one unit has no variance
        raise UntestableError(f"an arm has {n} units, and two are needed")
    more, less = theta * centre, apart
    total = known.y.total - theta * known.x.total + more * known.n + missing.total - less * missing.n
    y2, x2, yx = known.y.squares, known.x.squares, known.products
    squares = y2 + theta**2 * x2 - 2 * theta * yx + more**2 * known.n + 2 * more * (known.y.total - theta * known.x.total)
    squares += missing.squares - 2 * less * missing.total + less**2 * missing.n
    moments = Moments(n, total, squares)
    return Estimate(float(moments.total / n + apart * share), moments.variance, n, base=arm.outcome.mean)


def _fraction_mean(moments: Moments) -> Fraction:
    return moments.total / moments.n
