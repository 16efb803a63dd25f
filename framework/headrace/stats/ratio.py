"""A metric that is one sum by another, such as revenue a session, analysed by the unit that was assigned: the delta method."""

from __future__ import annotations

from headrace.stats.effect import Estimate
from headrace.stats.moments import JointMoments
from headrace.stats.untestable import UntestableError


def ratio(joint: JointMoments) -> Estimate:
    """The sum of y by the sum of x, each unit with its own y and x: an average over sessions though customers were assigned.

    With R = mean(Y) / mean(Z) the variance of one unit is s2_Y / Z^2 + s2_Z Y^2 / Z^4 - 2 cov(Y, Z) Y / Z^3. Source: Deng, Knoblich and Lu
    (2018), "Applying the delta method in metric analytics", arXiv 1803.06336, eq. 3. UntestableError of fewer than two units, or where
    the denominators add up to 0.
    """
    if joint.x.total == 0:
        raise UntestableError("the denominators add up to 0")
    y, z = joint.y.mean, joint.x.mean
    value = y / z
    variance = (joint.y.variance + value**2 * joint.x.variance - 2 * value * joint.covariance) / z**2
    return Estimate(value, max(0.0, variance), joint.n)
