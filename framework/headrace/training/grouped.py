"""Rows that are ranked among each other: one after another, of one time, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Group = NDArray[np.int64]


def in_order(frame: pd.DataFrame, group: str | None, *, entity: str, time: str) -> pd.DataFrame:
    """The rows group by group, as algorithms want them, in an order that is theirs alone; as they are where there are no groups."""
    return frame if group is None else frame.sort_values([group, time, entity], kind="stable")


def of_one_time(frame: pd.DataFrame, group: str | None, *, time: str) -> pd.DataFrame:
    """Each row with the time of its group's newest one, so that whoever deals rows by time deals whole groups."""
    return frame if group is None else frame.assign(**{time: frame.groupby(group)[time].transform("max")})


def numbered(column: pd.Series[Any]) -> Group:
    """Each row's group as a number from 0 on, (n,)."""
    import pandas as pd

    return pd.factorize(column, sort=True)[0].astype("int64")


def sizes(group: Group) -> Group:
    """How many rows each group has, (g,), of groups that follow one another."""
    import numpy as np

    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return np.diff(starts, append=len(group)).astype(np.int64)


def taken(group: Group | None, rows: NDArray[np.int64]) -> Group | None:
    """The groups of some rows."""
    return None if group is None else group[rows]
