"""Records as Parquet files beside the database: each record in one of them, named so that one that is written again replaces itself."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.journal.records import Fields, MeasureFields, OutcomeFields, PredictionFields

if TYPE_CHECKING:
    import pyarrow as pa

FILE_BYTES = 8 * 1024 * 1024
"""Of a segment that is still written to, so many bytes make a file; of a finished one, whatever is left."""

_LOCK = ".parquet"
_MOMENTS = {"at", "recorded_at", "known_at"}


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether this is the only shipper that writes files of the spool now: of two, one would write over what the other has recorded."""
    held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(held)


def write(target: str, name: str, rows: Sequence[Fields]) -> None:
    """Predictions to `TARGET/predictions/NAME.parquet`, outcomes to `TARGET/outcomes/`, business metrics to `TARGET/measures/`.

    Of each as far as there are any.

    Raises OSError, or what the file system's own package raises.
    """
    of_predictions = [row for row in rows if isinstance(row, PredictionFields)]
    of_outcomes = [row for row in rows if isinstance(row, OutcomeFields)]
    of_measures = [row for row in rows if isinstance(row, MeasureFields)]
    for kind, table in (
        ("predictions", _predictions(of_predictions)),
        ("outcomes", _outcomes(of_outcomes)),
        ("measures", _measures(of_measures)),
    ):
        if table.num_rows:
            _put(f"{target.rstrip('/')}/{kind}/{name}.parquet", table)


def _put(place: str, table: pa.Table) -> None:
    """Whole, or not there: a reader never finds a part of a file."""
    import fsspec
    import pyarrow.parquet as pq

    if "://" in place:
        system, path = fsspec.core.url_to_fs(place)
        with system.transaction, system.open(path, "wb") as file:
            pq.write_table(table, file, compression="zstd")
        return
    final = Path(place)
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.tmp")
    with draft.open("wb") as local:
        pq.write_table(table, local, compression="zstd")
        local.flush()
        os.fsync(local.fileno())
    draft.replace(final)


def _predictions(rows: Sequence[PredictionFields]) -> pa.Table:
    import pyarrow as pa

    types: dict[str, Any] = {"version": pa.int64(), "epoch": pa.int64(), "latency_us": pa.int64(), "output": pa.float64()}
    return _table(rows, PredictionFields._fields, types)


def _outcomes(rows: Sequence[OutcomeFields]) -> pa.Table:
    import pyarrow as pa

    return _table(rows, OutcomeFields._fields, {"value": pa.float64()})


def _measures(rows: Sequence[MeasureFields]) -> pa.Table:
    import pyarrow as pa

    return _table(rows, MeasureFields._fields, {"value": pa.float64()})


def _table(rows: Sequence[Fields], names: Sequence[str], types: dict[str, Any]) -> pa.Table:
    import pyarrow as pa

    columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    arrays = {}
    for name in names:
        values = columns[name]
        if name in _MOMENTS:
            arrays[name] = pa.array(values, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
        else:
            arrays[name] = pa.array(values, types.get(name, pa.string()))
    return pa.table(arrays)
