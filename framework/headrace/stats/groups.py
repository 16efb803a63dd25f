"""How differently a yes or no treats groups of people, from counts; and how sure that is, with groups of their size drawn again.

`counts` are integers (..., g, 4): of each of g groups the rows that are said and are [no, no], [yes, no], [no, yes], [yes, yes].
A number is NaN where a rate that it needs has no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Values = NDArray[np.float64]

THRESHOLD = 0.5
"""From which probability on a row is decided with yes."""


def cells(target: Values, predictions: Values, codes: NDArray[np.int64], groups: int) -> Counts:
    """The counts (g, 4) of (n,) rows, whose groups are numbered by `codes`."""
    import numpy as np

    place = codes * 4 + 2 * (target == 1) + (predictions >= THRESHOLD)
    return np.bincount(place, minlength=4 * groups).reshape(groups, 4)


def drawn(counts: Counts, *, seed: int, resamples: int) -> Counts:
    """As many rows of each group as it has, drawn with replacement so many times: (resamples, g, 4).

    The cell that a row falls into is all that counts, so that drawing rows and counting them is one multinomial draw.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    sizes = counts.sum(axis=-1)
    return np.stack([rng.multinomial(n, row / n, size=resamples) for n, row in zip(sizes, counts, strict=True)], axis=1)


def said_yes(counts: Counts) -> Values:
    """Each group's share of yes, (..., g): the selection rate."""
    return _share(counts[..., 1] + counts[..., 3], counts.sum(axis=-1))


def true_positive_rate(counts: Counts) -> Values:
    """Of each group's rows that are yes, the share that is said so, (..., g)."""
    return _share(counts[..., 3], counts[..., 2] + counts[..., 3])


def false_positive_rate(counts: Counts) -> Values:
    """Of each group's rows that are no, the share that is said to be yes, (..., g)."""
    return _share(counts[..., 1], counts[..., 0] + counts[..., 1])


def demographic_parity_difference(counts: Counts) -> Values:
    """The greatest difference between two groups' shares of yes, whatever is true."""
    return _difference(said_yes(counts))


def demographic_parity_ratio(counts: Counts) -> Values:
    """The least share of yes by the greatest; four fifths is the rule of thumb of US employment law (29 CFR 1607.4)."""
    return _ratio(said_yes(counts))


def equal_opportunity_difference(counts: Counts) -> Values:
    """The greatest difference between two groups' true-positive rates. Source: Hardt, Price, Srebro (2016)."""
    return _difference(true_positive_rate(counts))


def equalized_odds_difference(counts: Counts) -> Values:
    """The greater of two differences between groups: of true-positive rates, and of false-positive rates."""
    import numpy as np

    return np.maximum(_difference(true_positive_rate(counts)), _difference(false_positive_rate(counts)))


def equalized_odds_ratio(counts: Counts) -> Values:
    """The lesser of two ratios between groups: of true-positive rates, and of false-positive rates."""
    import numpy as np

    return np.minimum(_ratio(true_positive_rate(counts)), _ratio(false_positive_rate(counts)))


MEASURES = {
    measure.__name__: measure
    for measure in (
        demographic_parity_difference,
        demographic_parity_ratio,
        equal_opportunity_difference,
        equalized_odds_difference,
        equalized_odds_ratio,
    )
}
"""By name, what is computed of counts."""


def _share(part: Any, whole: Any) -> Values:  # noqa: ANN401 - integers of any shape
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _difference(rates: Values) -> Values:
    apart: Values = rates.max(axis=-1) - rates.min(axis=-1)
    return apart


def _ratio(rates: Values) -> Values:
    return _share(rates.min(axis=-1), rates.max(axis=-1))
