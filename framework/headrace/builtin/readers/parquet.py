"""Reads Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.hooks import Reader

if TYPE_CHECKING:
    import pandas as pd


def read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Those of the columns that the file has, in its order of rows; whole numbers stay whole where some are missing."""
    import pandas as pd
    import pyarrow.parquet

    held = set(pyarrow.parquet.read_schema(path).names)
    return pd.read_parquet(path, columns=[name for name in columns if name in held], dtype_backend="numpy_nullable")


def names(path: Path) -> list[str]:
    """All columns that the file has."""
    import pyarrow.parquet

    return list(pyarrow.parquet.read_schema(path).names)


READER = Reader(name="parquet", suffixes=(".pq", ".parquet"), read=f"{__name__}:read", names=f"{__name__}:names")
