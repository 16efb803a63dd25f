"""When each row arrived, for data that know only its year: spread evenly over the year, in a seeded random order or the file's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_FIRST, _LAST = 1678, 2261
"""The years that pandas can hold."""


def arrivals(frame: pd.DataFrame, spread: str, order: Literal["random", "file"], seed: int) -> pd.Series[Any]:
    """The moment of each row of a frame, UTC, on the frame's index; `spread` names the column with its year.

    Of a year's n rows, the one at place p stands at (p + 1/2)/n of the year. Its place is the file's, or drawn by `seed`: the same rows in
    the same order get the same moments, on every machine and with every version of numpy. HeadraceError `bad-year` where a value is none.
    """
    import numpy as np
    import pandas as pd

    years = pd.to_numeric(frame[spread], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~((years >= _FIRST) & (years <= _LAST) & (years == np.floor(years)))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise HeadraceError(
            Diagnostic(
                "bad-year", f"`{spread}` holds `{frame[spread].iloc[row]}` in row {row + 1}, which is no year from {_FIRST} to {_LAST}"
            )
        )
    moments = np.empty(len(frame), dtype="datetime64[us]")
    for year in np.unique(years).astype(int).tolist():
        rows = np.flatnonzero(years == year)
        start, end = np.datetime64(f"{year}-01-01", "us"), np.datetime64(f"{year + 1}-01-01", "us")
        places = _places(len(rows), year, seed) if order == "random" else np.arange(len(rows))
        moments[rows] = start + (2 * places + 1) * ((end - start).astype(np.int64)) // (2 * len(rows)) * np.timedelta64(1, "us")
    return pd.Series(pd.DatetimeIndex(moments, tz="UTC"), index=frame.index)


def _places(n: int, year: int, seed: int) -> NDArray[np.int64]:
    """A random place for each of n rows; drawn from the raw bits, which numpy keeps the same for ever, as it does not its permutations."""
    import numpy as np

    order = np.argsort(np.random.PCG64([seed, year]).random_raw(n), kind="stable")
    places = np.empty(n, dtype=np.int64)
    places[order] = np.arange(n)
    return places
