"""Numbers changed by chance in units of their own spread, for asking a model about rows that are nearly those that it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def spread(values: Values) -> Values:
    """The standard deviation of each column of (n, k) over its finite values, (k,); 0 where it has fewer than two."""
    import numpy as np

    known = np.where(np.isfinite(values), values, np.nan)
    enough = np.isfinite(values).sum(axis=0) > 1
    found = np.zeros(values.shape[1])
    if enough.any():
        found[enough] = np.nanstd(known[:, enough], axis=0)
    return found


def whole(values: Values) -> NDArray[np.bool_]:
    """Which columns of (n, k) hold whole numbers and nothing else, (k,): what is added to them is made whole too."""
    import numpy as np

    finite = np.where(np.isfinite(values), values, 0.0)
    return np.asarray((finite == np.round(finite)).all(axis=0) & np.isfinite(values).any(axis=0))


def noisy(values: Values, share: float, rng: np.random.Generator) -> Values:
    """(n, k) with Gaussian noise of `share` times each column's spread added; whole columns stay whole, what is missing stays missing.

    A value does not leave the range of its column.
    """
    import numpy as np

    if not values.size:
        return values.copy()
    moved = values + rng.normal(size=values.shape) * share * spread(values)
    moved[:, whole(values)] = np.round(moved[:, whole(values)])
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=0)
    high = np.where(finite, values, -np.inf).max(axis=0)
    return np.where(finite, np.clip(moved, low, high), values)
