"""How training rows are kept: as Parquet bytes that depend on the rows alone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NUMBER, TEXT, TIME = "number", "text", "time"


def write(frame: pd.DataFrame, columns: Mapping[str, str]) -> bytes:
    """The columns of a frame, each `number` (float64), `text` or `time` (UTC, microseconds), as Parquet; equal rows are equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {NUMBER: pa.float64(), TEXT: pa.string(), TIME: pa.timestamp("us", tz="UTC")}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    # Without pandas' metadata, in which its version stands.
    table = pa.Table.from_pandas(frame[list(columns)], schema=schema, preserve_index=False).replace_schema_metadata(None)
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
