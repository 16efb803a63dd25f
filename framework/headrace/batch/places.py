"""Each row's place in its group, where a model ranks: groups are whole here, however they lie across chunks and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.batch.folder import checked
from headrace.batch.spill import spilling
from headrace.batch.whole import read

if TYPE_CHECKING:
    import pyarrow as pa

RANK = "rank"
_NUMBERED = "groups.parquet"


def ranked(parts: Sequence[tuple[Path, str]], folder: Path, group: str, score: str) -> Iterator[pa.Table]:
    """The rows of parts, each with the column `rank`: 1 for the highest score of a group, equal ones in the order of the input.

    Rows without an answer are in no part, and have no place. No more than a part is held, beside what `spill` may.
    """
    import pyarrow as pa

    numbered = folder / _NUMBERED
    _number(parts, numbered, group, score)
    with spilling(folder) as con:
        found = con.sql(_PLACES, params=[str(numbered)]).to_arrow_reader(100_000)
        left: list[pa.Array] = []
        for table in read(parts):
            taken: list[pa.Array] = []
            wanted = len(table)
            while wanted:
                some = left.pop() if left else found.read_next_batch().column(0)
                if len(some) > wanted:
                    left.append(some.slice(wanted))
                    some = some.slice(0, wanted)
                taken.append(some)
                wanted -= len(some)
            yield table.append_column(RANK, pa.chunked_array(taken, pa.int64()))
    numbered.unlink()


_PLACES = """
SELECT place FROM (
    SELECT row, ROW_NUMBER() OVER (PARTITION BY of ORDER BY score DESC, row) AS place FROM read_parquet($1)
) ORDER BY row
"""


def _number(parts: Sequence[tuple[Path, str]], path: Path, group: str, score: str) -> None:
    """Write the groups and the scores of all rows, with their positions, a part at a time."""
    import io

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, before = None, 0
    try:
        for part, digest in parts:
            table = pq.read_table(io.BytesIO(checked(part, digest)), columns=[group, score], use_threads=False)
            rows = np.arange(before, before + len(table), dtype=np.int64)
            made = pa.table({"row": rows, "of": table[group], "score": table[score]})
            writer = writer if writer is not None else pq.ParquetWriter(path, made.schema)
            writer.write_table(made)
            before += len(table)
    finally:
        if writer is not None:
            writer.close()
