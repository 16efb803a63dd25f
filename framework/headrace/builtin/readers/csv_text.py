"""Reads CSV files with a header line, in UTF-8."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.hooks import Reader

if TYPE_CHECKING:
    import pandas as pd


def read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Those of the columns that the file has, all as text: what a value is, the spec says; an empty field is missing."""
    import pandas as pd

    wanted = set(columns)
    # `NA` may be a country: only nothing is nothing.
    return pd.read_csv(path, usecols=lambda name: name in wanted, dtype="string", keep_default_na=False, na_values=[""])


def parts(path: Path, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """The same, so many rows at a time; one without rows where there is none."""
    import pandas as pd

    wanted = set(columns)
    with pd.read_csv(
        path, usecols=lambda name: name in wanted, dtype="string", keep_default_na=False, na_values=[""], chunksize=rows
    ) as found:
        yield from found


def names(path: Path) -> list[str]:
    """All columns that the file has."""
    # The first line alone, and without pandas: a plan asks for it.
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next((row for row in csv.reader(file) if row), [])


READER = Reader(name="csv", suffixes=(".csv",), read=f"{__name__}:read", names=f"{__name__}:names", parts=f"{__name__}:parts")
