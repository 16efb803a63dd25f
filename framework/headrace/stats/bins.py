"""How values fall into bins that the reference fixed; counts that merge by addition, and what they say about drift.

A number's bins lie between reference quantiles, so one outlier moves nothing; a number with fewer than 20 distinct values is counted by
value, like a category. Missing values have a bin of their own, and so have values that the reference never showed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from headrace.stats.category import category_codes, category_texts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

BINS = 20
EXPECTED = 5.0
"""Cells with fewer rows expected are pooled before Pearson's test."""


@dataclass(frozen=True, slots=True)
class Bins:
    """One column's bins and what the reference has in them.

    type `number`: `edges` are inner boundaries, ascending; a value at an edge is below it; counts are (edges + 1, missing).
    type `value` (a number of few values) and `category`: `values` in order; counts are (values, unseen, missing).
    """

    type: Literal["number", "value", "category"]
    edges: tuple[float, ...] = ()
    values: tuple[float | str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for every bin, in the order of the counts."""
        if self.type != "number":
            return (*map(str, self.values), "unseen", "missing")
        ends = ("-inf", *(f"{edge:g}" for edge in self.edges), "inf")
        return (*(f"({a}, {b}]" for a, b in pairwise(ends)), "missing")

    @property
    def rows(self) -> int:
        """The reference's size."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Profile:
    """The bins of every column, by name, in order."""

    columns: Mapping[str, Bins]

    def reference(self) -> dict[str, NDArray[np.int64]]:
        """The reference's counts, shaped as `count` shapes a frame's."""
        import numpy as np

        return {name: np.asarray(bins.counts, dtype=np.int64) for name, bins in self.columns.items()}

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they are stored with a model."""
        return {
            name: {"type": b.type, "edges": list(b.edges), "values": list(b.values), "counts": list(b.counts)}
            for name, b in self.columns.items()
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Mapping[str, Any]]) -> Profile:
        """The inverse of `to_json`."""
        return cls(
            {
                name: Bins(type=b["type"], edges=tuple(b["edges"]), values=tuple(b["values"]), counts=tuple(b["counts"]))
                for name, b in value.items()
            }
        )


def profile(columns: Mapping[str, Literal["number", "category"]], frame: pd.DataFrame) -> Profile:
    """The bins of a reference frame (n rows) and its counts; `columns` says of which columns, and their types.

    From a signature: `{item.name: item.type for item in signature.inputs} | {"prediction": "number"}`.
    KeyError where a column is missing.
    """
    import numpy as np

    found: dict[str, Bins] = {}
    for name, kind in columns.items():
        if kind == "category":
            found[name] = _categories(frame[name])
            continue
        values = _values(frame[name], kind)
        bins = _fit(values)
        counts = tuple(int(n) for n in np.asarray(_count(bins, values)))
        found[name] = Bins(type=bins.type, edges=bins.edges, values=bins.values, counts=counts)
    return Profile(found)


def count(profile: Profile, frame: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """How many rows of a frame fall into each bin of each column; int64, and counts of two frames add up to those of both."""
    return {name: count_column(bins, frame[name]) for name, bins in profile.columns.items()}


def count_column(bins: Bins, column: pd.Series[Any]) -> NDArray[np.int64]:
    """How many rows of a column fall into each bin; TypeError or ValueError where its values are not of the bins' type any more."""
    return _count(bins, _values(column, bins.type))


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Population stability index of two counts over the same bins; NaN when either is empty.

    Half a row is added to every bin that either has filled, so that an empty one is no infinity.
    """
    import numpy as np

    ref, cur = _filled(reference, current)
    if ref.sum() == 0 or cur.sum() == 0:
        return math.nan
    p, q = ref + 0.5, cur + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def pearson_p(reference: ArrayLike, current: ArrayLike) -> float:
    """p-value of Pearson's two-sample chi-square over the same bins; 1 when there is nothing to tell apart, NaN when either is empty.

    Bins where the smaller sample expects fewer than 5 rows are pooled; that choice looks at both samples together, so the level holds.
    """
    import numpy as np
    from scipy.special import chdtrc  # `scipy.stats` takes a second to import

    ref, cur = _filled(reference, current)
    sizes = np.array([ref.sum(), cur.sum()])
    if sizes.min() == 0:
        return math.nan
    table = np.stack([ref, cur])
    small = table.sum(axis=0) * sizes.min() / sizes.sum() < EXPECTED
    if small.any():
        table = np.concatenate([table[:, ~small], table[:, small].sum(axis=1, keepdims=True)], axis=1)
    cells = table.shape[1]
    if cells < 2:  # noqa: PLR2004 - one cell has nothing to differ from
        return 1.0
    expected = np.outer(sizes, table.sum(axis=0)) / sizes.sum()
    return float(chdtrc(cells - 1, ((table - expected) ** 2 / expected).sum()))


def _values(column: pd.Series[Any], kind: str) -> NDArray[Any]:
    """float64 with NaN for numbers; text with None for categories."""
    import numpy as np

    if kind != "category":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return category_texts(column)[0]


def _categories(column: pd.Series[Any]) -> Bins:
    """The texts of a column and how often each is in it."""
    import numpy as np

    codes, texts, _ = category_codes(column)
    values = sorted(set(texts))
    places = {value: place for place, value in enumerate(values)}
    missing = len(values) + 1  # behind what is unseen, of which a reference has none
    found = np.bincount(np.array([*(places[text] for text in texts), missing])[codes], minlength=missing + 1)
    return Bins(type="category", values=tuple(values), counts=tuple(found.tolist()))


def _fit(values: NDArray[Any]) -> Bins:
    import numpy as np

    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) < BINS:
        return Bins(type="value", values=tuple(float(value) for value in distinct))
    # `inverted_cdf` takes values that occur, so infinities are never averaged to NaN.
    quantiles = np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf")
    return Bins(type="number", edges=tuple(float(edge) for edge in np.unique(quantiles)))


def _count(bins: Bins, values: NDArray[Any]) -> NDArray[np.int64]:
    import numpy as np

    if bins.type == "category":
        import pandas as pd

        missing = np.asarray(pd.isna(values))
        codes = np.asarray(pd.Categorical(values, categories=list(bins.values)).codes, dtype=np.int64)
        return _tally(np.where(codes < 0, len(bins.values), codes), missing, len(bins.values) + 1)
    missing = np.isnan(values)
    if bins.type == "number":
        return _tally(np.searchsorted(np.asarray(bins.edges), values, side="left"), missing, len(bins.edges) + 1)
    known = np.asarray(bins.values, dtype=np.float64)
    position = np.searchsorted(known, values)
    inside = position < len(known)
    hit = np.zeros(len(values), dtype=bool)
    hit[inside] = known[position[inside]] == values[inside]
    return _tally(np.where(hit, position, len(known)), missing, len(known) + 1)


def _tally(codes: NDArray[Any], missing: NDArray[np.bool_], bins: int) -> NDArray[np.int64]:
    """Counts of the bins, and the missing behind them."""
    import numpy as np

    return np.append(np.bincount(codes[~missing], minlength=bins), missing.sum()).astype(np.int64)


def _filled(reference: ArrayLike, current: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both counts, without the bins that are empty in both."""
    import numpy as np

    ref, cur = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    some = (ref > 0) | (cur > 0)
    return ref[some], cur[some]
