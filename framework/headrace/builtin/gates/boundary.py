"""A search for the smallest change of a row that changes its answer, by asking alone: no gradient, a bounded number of questions.

Random directions first, then the border is approached by bisection and walked along: Brendel et al., "Decision-Based Adversarial Attacks",
ICLR 2018, for the columns of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.stats import perturb

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Changed = Callable[[pd.DataFrame, NDArray[np.int64]], NDArray[np.bool_]]

_BISECTIONS = 6
_WALKED = 8
"""New directions a round, near the best one, so many spreads of it away as `_NEAR` says."""
_NEAR = 0.3
_CLOSER = 0.8
"""Which share of the smallest change so far a new direction is tried at."""


@dataclass(frozen=True)
class Space:
    """What may be changed of the rows: `numbers` by up to `radius` spreads each, within the range that was seen; `swaps` of categories."""

    numbers: tuple[str, ...]
    spread: Values
    low: Values
    high: Values
    whole: NDArray[np.bool_]
    radius: float
    swaps: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, rows: pd.DataFrame, numbers: tuple[str, ...], radius: float, swaps: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Space:
        """Spreads and ranges are those of the rows; a column that has no spread cannot be changed."""
        import numpy as np

        values = rows[list(numbers)].to_numpy(dtype=np.float64, na_value=np.nan)
        spread = perturb.spread(values)
        kept = spread > 0
        values, names = values[:, kept], tuple(name for name, keep in zip(numbers, kept, strict=True) if keep)
        if not names:
            return cls((), np.empty(0), np.empty(0), np.empty(0), np.empty(0, dtype=bool), radius, swaps)
        return cls(names, spread[kept], np.nanmin(values, axis=0), np.nanmax(values, axis=0), perturb.whole(values), radius, swaps)

    def moved(self, values: Values, directions: Values, scale: Values) -> Values:
        """Rows, (n, k), a share `scale` (n,) of the radius along directions whose greatest part is 1; whole columns move whole steps."""
        import numpy as np

        change = directions * scale[:, None] * self.radius * self.spread
        change[:, self.whole] = np.trunc(change[:, self.whole])
        return np.clip(values + change, np.minimum(self.low, values), np.maximum(self.high, values))

    def distance(self, values: Values, moved: Values) -> Values:
        """The greatest change of a row's numbers in spreads, (n,)."""
        import numpy as np

        return np.asarray(np.nanmax(np.abs(np.nan_to_num(moved - values)) / self.spread, axis=1, initial=0.0))


class Search:
    """What was found of n rows, and how many questions were `asked`.

    By row: `distance` (n,), the smallest change in spreads, infinite where none changed the answer; `moved` (n, k), the numbers that did;
    `swapped` (n,), whether another category alone did.
    """

    def __init__(self, rows: pd.DataFrame, space: Space, changed: Changed) -> None:
        """`changed(frame, of)` says which variants, of the rows `of`, are answered otherwise than these."""
        import numpy as np

        n = len(rows)
        self.rows, self.space, self.changed = rows, space, changed
        self.plain = rows[list(space.numbers)].to_numpy(dtype=np.float64, na_value=np.nan)
        self.distance, self.moved = np.full(n, np.inf), self.plain.copy()
        self.swapped = np.zeros(n, dtype=bool)
        self.asked = 0
        self._direction = np.zeros_like(self.plain)
        self._scale, self._missed = np.full(n, np.nan), np.zeros(n)

    def run(self, queries: int, rng: np.random.Generator) -> None:
        """Look for changes; no row is asked about more than `queries` times."""
        import numpy as np

        left = queries - self._swap(queries)
        if not self.space.numbers or left < 1:
            return
        first = _first(len(self.rows), len(self.space.numbers), max(1, left // 2), rng)
        self._reach(first)
        left -= first.shape[1]
        for _ in range(min(_BISECTIONS, left)):
            of = np.flatnonzero(np.isfinite(self._scale))
            self._try(of, self._direction[of], (self._scale[of] + self._missed[of]) / 2, along=True)
            left -= 1
        while left >= _WALKED:
            self._walk(rng)
            left -= _WALKED

    def _swap(self, most: int) -> int:
        """Each other category of each column alone; how many questions a row that took."""
        told = 0
        for name, categories in self.space.swaps:
            for category in categories[: max(0, most - told)]:
                frame = self.rows.copy()
                frame[name] = category
                self.asked += len(frame)
                self.swapped |= self.changed(frame, _all(len(frame)))
                told += 1
        return told

    def _reach(self, first: Values) -> None:
        """Each row's best direction among the first: the one whose whole way changes the least and the answer."""
        import numpy as np

        n, most, k = first.shape
        of = np.repeat(np.arange(n), most)
        moved = self.space.moved(self.plain[of], first.reshape(-1, k), np.ones(len(of)))
        flips = self._ask(of, moved).reshape(n, most)
        far = np.where(flips, self.space.distance(self.plain[of], moved).reshape(n, most), np.inf)
        best = far.argmin(axis=1)
        hit = np.flatnonzero(flips.any(axis=1))
        self._direction[hit] = first[hit, best[hit]]
        self._scale[hit], self.distance[hit] = 1.0, far[hit, best[hit]]
        self.moved[hit] = moved.reshape(n, most, k)[hit, best[hit]]

    def _walk(self, rng: np.random.Generator) -> None:
        """New directions near each row's best, a step closer than it reaches now."""
        import numpy as np

        of = np.flatnonzero(np.isfinite(self._scale))
        for _ in range(_WALKED):
            near = self._direction[of] + rng.normal(size=(len(of), self.plain.shape[1])) * _NEAR
            near /= np.maximum(np.abs(near).max(axis=1, keepdims=True), 1e-12)
            self._try(of, near, self._scale[of] * _CLOSER, along=False)

    def _try(self, of: NDArray[np.int64], directions: Values, scale: Values, *, along: bool) -> None:
        """Ask so far along these directions; what changes the answer with less is kept. A miss `along` the best way bounds it below."""
        import numpy as np

        if not len(of):
            return
        moved = self.space.moved(self.plain[of], directions, scale)
        flips = self._ask(of, moved)
        far = self.space.distance(self.plain[of], moved)
        if along:
            self._missed[of[~flips]] = scale[~flips]
        hit = of[flips]
        self._scale[hit], self._direction[hit] = scale[flips], directions[flips]
        if not along:
            self._missed[hit] = 0.0
        closer = flips & (far < self.distance[of])
        self.distance[of[closer]], self.moved[of[closer]] = far[closer], moved[np.flatnonzero(closer)]

    def _ask(self, of: NDArray[np.int64], moved: Values) -> NDArray[np.bool_]:
        frame = self.rows.iloc[of].reset_index(drop=True)
        frame[list(self.space.numbers)] = moved
        self.asked += len(frame)
        return self.changed(frame, of)


def _all(n: int) -> NDArray[np.int64]:
    import numpy as np

    return np.arange(n)


def _first(n: int, k: int, most: int, rng: np.random.Generator) -> Values:
    """Directions for each row, (n, most, k): along one column, all columns at once, and anywhere between."""
    import numpy as np

    single = np.concatenate([np.eye(k), -np.eye(k)])[:most]
    rest = most - len(single)
    corners = np.sign(rng.normal(size=(n, rest // 2, k)))
    between = rng.normal(size=(n, rest - rest // 2, k))
    between /= np.maximum(np.abs(between).max(axis=2, keepdims=True), 1e-12)
    return np.concatenate([np.broadcast_to(single, (n, len(single), k)), corners, between], axis=1)
