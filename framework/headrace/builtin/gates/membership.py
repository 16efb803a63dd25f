"""How well somebody who sees a model's answers can tell whether it was trained on a row: the advantage of the best loss threshold.

Yeom et al., "Privacy Risk in Machine Learning", CSF 2018: the attacker says "trained on" where the loss is small. Advantage is his rate of
true accusations less that of false ones: 0 for a model that knows nothing of its rows, 1 for one that tells them all. The threshold is
learned on one half of the rows and its advantage is measured on the other, so that chance alone gives none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.hooks import Answers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_Z = 1.959963984540054
"""The normal quantile of a two-sided interval of 95 %."""
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Advantage:
    """The advantage in [-1, 1] with an interval of 95 %, both sides' mean losses, and over how many rows of each it was measured."""

    value: float
    low: float
    high: float
    loss_trained: float
    loss_held: float
    trained: int
    held: int


def losses(answers: Answers, target: Values, given: Values) -> Values:
    """How wrong each answer is, (n,): its log loss, or its squared error; NaN where the truth is not known."""
    import numpy as np

    match answers.task:
        case "binary":
            right = np.where(target == 1, given, 1 - given)
            return np.asarray(np.where(np.isnan(target), np.nan, -np.log(np.maximum(right, _LEAST))))
        case "multiclass":
            right = given[np.arange(len(given)), np.where(np.isnan(target), 0, target).astype(int)]
            return np.asarray(np.where(np.isnan(target), np.nan, -np.log(np.maximum(right, _LEAST))))
        case _:
            number = given[:, answers.middle] if answers.task == "quantile" else given
            return np.asarray((target - number) ** 2)


def advantage(trained: Values, held: Values, rng: np.random.Generator) -> Advantage:
    """Of losses, (n,) and (m,); ValueError where a side has fewer than four, or a loss is not known."""
    import numpy as np

    if min(len(trained), len(held)) < 4 or np.isnan(trained).any() or np.isnan(held).any():  # noqa: PLR2004 - two rows in each half
        message = f"membership cannot be told of {len(trained):,} training and {len(held):,} held-out rows with known losses"
        raise ValueError(message)
    halves = [_halved(side, rng) for side in (trained, held)]
    threshold = _best(halves[0][0], halves[1][0])
    accused = [float((half[1] <= threshold).mean()) for half in halves]
    sizes = [len(half[1]) for half in halves]
    (low_in, high_in), (low_out, high_out) = (_wilson(share, n) for share, n in zip(accused, sizes, strict=True))
    value = accused[0] - accused[1]
    # Newcombe's interval of a difference of two shares (1998, method 10).
    low = value - math.hypot(accused[0] - low_in, high_out - accused[1])
    high = value + math.hypot(high_in - accused[0], accused[1] - low_out)
    return Advantage(value, max(low, -1.0), min(high, 1.0), float(trained.mean()), float(held.mean()), *sizes)


def _halved(values: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    order = rng.permutation(len(values))
    middle = len(values) // 2
    return values[order[:middle]], values[order[middle:]]


def _best(trained: Values, held: Values) -> float:
    """The threshold that tells the two apart best."""
    import numpy as np

    cuts = np.unique(np.concatenate([trained, held]))
    gain = np.searchsorted(np.sort(trained), cuts, side="right") / len(trained)
    gain = gain - np.searchsorted(np.sort(held), cuts, side="right") / len(held)
    return float(cuts[int(gain.argmax())])


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return middle - half, middle + half
