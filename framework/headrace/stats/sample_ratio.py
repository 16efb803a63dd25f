"""Whether units arrive in the shares that were set; if they do not, nothing that is computed of the arms holds.

An arm without a share is passed over. The sequential check is valid at every look; the final one at one look. The standard library alone,
but for the final check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, isclose, lgamma, log

from headrace.stats.untestable import UntestableError

ALARM = log(1000.0)
"""The sequential evidence at which the shares count as wrong."""
FINAL_ALPHA = 0.001
"""The p of the final check below which they do."""
_STRENGTH = 100.0
"""How many units the prior is worth, centred on the shares."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Units by arm while the shares stood still: an epoch. ValueError where shares do not add up to 1, or a count is below 0."""

    weights: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not all(weight >= 0 for weight in self.weights) or not isclose(fsum(self.weights), 1.0, abs_tol=1e-9):
            raise ValueError(f"shares are {list(self.weights)}, and together they are 1")
        if len(self.counts) != len(self.weights) or min(self.counts) < 0:
            raise ValueError(f"counts are {list(self.counts)}: one of 0 or more for each share is needed")

    def __add__(self, other: Arrivals) -> Arrivals:
        if self.weights != other.weights:
            raise ValueError("units of other shares are another epoch")
        return Arrivals(self.weights, tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))


def evidence(epochs: Iterable[Arrivals]) -> float:
    """Log E against "units arrive in these shares"; alarm at `ALARM`, at any look. Epochs multiply, so one that is wrong is seen in all.

    E = B(a + c) / (B(a) prod w^c) with a = 100 w, the Dirichlet-multinomial mixture. Source: Lindon and Malek, arXiv 2011.03567, eq. 8.
    """
    return sum(mixture(*_positive(epoch)) for epoch in epochs)


def mixture(weights: Sequence[float], counts: Sequence[int]) -> float:
    """The same of one epoch whose shares are above 0 and add up to 1, which is not checked: it serves where requests wait."""
    if len(weights) < 2:  # noqa: PLR2004 - one arm has all
        return 0.0
    prior = [_STRENGTH * weight for weight in weights]
    return fsum(
        (
            lgamma(_STRENGTH) - lgamma(_STRENGTH + sum(counts)),
            *(lgamma(a + count) - lgamma(a) for a, count in zip(prior, counts, strict=True)),
            *(-count * log(weight) for weight, count in zip(weights, counts, strict=True)),
        )
    )


def final_p(epochs: Iterable[Arrivals]) -> float:
    """Pearson's chi-square over the arms with a share, epochs added up, for one look at the end; wrong below `FINAL_ALPHA`.

    Source: Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments". UntestableError where no epoch has a
    unit, or none two arms with a share.
    """
    from scipy.stats import chi2

    statistic, freedom = 0.0, 0
    for weights, counts in (_positive(epoch) for epoch in epochs):
        n = sum(counts)
        if n and len(weights) > 1:
            statistic += fsum((count - n * weight) ** 2 / (n * weight) for weight, count in zip(weights, counts, strict=True))
            freedom += len(weights) - 1
    if not freedom:
        raise UntestableError("no unit has arrived in two arms with a share")
    return float(chi2.sf(statistic, freedom))


def _positive(epoch: Arrivals) -> tuple[list[float], list[int]]:
    kept = [(weight, count) for weight, count in zip(epoch.weights, epoch.counts, strict=True) if weight > 0]
    return [weight for weight, _ in kept], [count for _, count in kept]
