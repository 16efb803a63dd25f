"""Parts to one file, in the order of the input, a part at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.batch.folder import checked
from headrace.batch.target import Format, of_stream

if TYPE_CHECKING:
    import pyarrow as pa


def read(parts: Sequence[tuple[Path, str]]) -> Iterator[pa.Table]:
    """The rows of parts, each with its digest; HeadraceError `artifact-altered` where one is not what was written."""
    import pyarrow.parquet as pq

    for path, digest in parts:
        yield pq.read_table(io.BytesIO(checked(path, digest)), use_threads=False)


def put_together(tables: Iterable[pa.Table], made: Path, kind: Format, about: dict[str, str]) -> str:
    """Write one file of tables, and give its digest; `about` stands in a Parquet file's metadata.

    OSError where the disk is full, and what reading the tables raises.
    """
    import pyarrow as pa

    writer: Any = None
    made.unlink(missing_ok=True)
    try:
        with made.open("wb") as file:
            for table in tables:
                if writer is None:
                    writer = _writer(kind, file, table.schema.with_metadata({f"headrace.{key}": value for key, value in about.items()}))
                writer.write_table(table)
            if writer is not None:
                writer.close()
    except (OSError, pa.ArrowException):
        made.unlink(missing_ok=True)
        raise
    with made.open("rb") as file:
        return of_stream(file)


def _writer(kind: Format, file: Any, schema: Any) -> Any:  # noqa: ANN401 - Arrow's
    import pyarrow.csv
    import pyarrow.parquet as pq

    if kind == "parquet":
        return pq.ParquetWriter(file, schema, compression="zstd")
    return pyarrow.csv.CSVWriter(file, schema.remove_metadata(), write_options=pyarrow.csv.WriteOptions(quoting_style="needed"))
