"""Rows of Parquet files by position: going on from where the last ones ended costs nothing, going elsewhere opens the file anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.batch.values import Chunk, Stretch
from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    import pyarrow as pa

_BUFFER = 1 << 18
_AT_ONCE = 16_384
"""How many rows are decoded at a time: a chunk of fewer waits for no more than these."""


def changed(of: Stretch) -> bool:
    """Whether a file is another one than was looked at, or gone."""
    try:
        found = Path(of.path).stat()
    except OSError:
        return True
    return (found.st_size, found.st_mtime_ns) != (of.size, of.written)


def refuse_changed(told: str) -> HeadraceError:
    """That the input is another one than the run began with."""
    message = f"{told} has changed since the run began: its rows and those that are scored already are of two inputs"
    return HeadraceError(Diagnostic("input-changed", message, help="put it back as it was, or begin anew with `--overwrite`"))


class Cursor:
    """One open file at a time; of its rows no more than a chunk is held."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._file: Any = None
        self._path = ""
        self._at = 0
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._left: list[pa.RecordBatch] = []

    def take(self, chunk: Chunk) -> pa.Table:
        """The rows of a chunk, of the columns that the file has; HeadraceError `input-changed`."""
        import pyarrow as pa

        if changed(chunk.of):
            raise refuse_changed(chunk.of.path)
        if self._path != chunk.of.path or self._at != chunk.first:
            self._seek(chunk)
        found: list[pa.RecordBatch] = []
        wanted = chunk.rows
        while wanted:
            batch = self._left.pop() if self._left else next(self._batches)
            if len(batch) > wanted:
                self._left.append(batch.slice(wanted))
                batch = batch.slice(0, wanted)
            found.append(batch)
            wanted -= len(batch)
        self._at = chunk.first + chunk.rows
        return pa.Table.from_batches(found, schema=self._schema())

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
        self._file, self._path, self._left, self._batches = None, "", [], iter(())

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        arrow = self._file.schema_arrow
        return pa.schema([arrow.field(name) for name in arrow.names if name in self._columns])

    def _seek(self, chunk: Chunk) -> None:
        """Stand before a chunk's first row: groups of rows before it are passed over unread."""
        import pyarrow.parquet as pq

        if self._path != chunk.of.path:
            self.close()
            # A page at a time: a whole group of rows may be as large as the file.
            self._file = pq.ParquetFile(chunk.of.path, pre_buffer=False, buffer_size=_BUFFER)
            self._path = chunk.of.path
        groups = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        group, before = 0, 0
        while group < len(groups) and before + groups[group] <= chunk.first:
            before += groups[group]
            group += 1
        wanted = self._schema().names
        self._left = []
        self._batches = self._file.iter_batches(
            batch_size=_AT_ONCE, row_groups=list(range(group, len(groups))), columns=wanted, use_threads=False
        )
        skip = chunk.first - before
        while skip:
            batch = next(self._batches)
            if len(batch) > skip:
                self._left.append(batch.slice(skip))
            skip -= min(skip, len(batch))
