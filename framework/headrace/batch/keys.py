"""Whether a key identifies one row: asked of all keys before anything is scored, within bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.batch.spill import spilling
from headrace.batch.values import Chunk, Duplicates
from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SURPLUS = "surplus.npy"
_SHOWN = 3


def judge(folder: Path, keys: Iterable[tuple[int, pa.Array]], *, key: str, told: str, policy: Duplicates, hidden: bool) -> int:
    """How many rows have the key of a row before them; `keys` are those of all rows in order, with how many rows stand before each lot.

    HeadraceError `duplicate-keys` where one has and the policy is `refuse`; otherwise they are written down for the scoring. A key that is
    `hidden` is not shown. Missing keys are no duplicates: each is a bad row of its own.
    """
    import numpy as np
    import pyarrow.parquet as pq

    path, writer = folder / "keys.parquet", None
    try:
        for before, values in keys:
            table = _numbered(before, values)
            writer = writer if writer is not None else pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    count, shown, rows = _twice(folder, path, wanted=policy == "first")
    path.unlink(missing_ok=True)
    if count and policy == "refuse":
        first = "" if hidden else f" (the first: {', '.join(shown)})"
        raise HeadraceError(
            Diagnostic(
                "duplicate-keys",
                f"{told}: {count:,} rows have the `{key}` of another row{first}: one key, one answer",
                help="leave one row of each, name a column that identifies a row, or let the first of them count: `duplicates: first`",
            )
        )
    if count:
        np.save(folder / SURPLUS, rows)
    return count


def surplus(folder: Path, chunk: Chunk) -> NDArray[np.bool_] | None:
    """Which rows of a chunk have the key of a row before them; None where no row of the input has."""
    import numpy as np

    path = folder / SURPLUS
    if not path.exists():
        return None
    rows = np.load(path, mmap_mode="r")
    low, high = np.searchsorted(rows, [chunk.before, chunk.before + chunk.rows])
    found = np.zeros(chunk.rows, dtype=bool)
    found[np.asarray(rows[low:high]) - chunk.before] = True
    return found


def _numbered(before: int, values: pa.Array) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    return pa.table({"row": np.arange(before, before + len(values), dtype=np.int64), "key": values})


def _twice(folder: Path, path: Path, *, wanted: bool) -> tuple[int, list[str], NDArray[np.int64]]:
    """How many rows have a key that a row before them has, the first few of these keys, and, where `wanted`, the rows, ascending."""
    import numpy as np

    with spilling(folder) as con:
        con.execute("CREATE TEMP TABLE twice AS " + _TWICE, [str(path)])
        ((count,),) = con.execute("SELECT CAST(COALESCE(SUM(n - 1), 0) AS BIGINT) FROM twice").fetchall()
        shown = [str(key) for (key,) in con.execute("SELECT key FROM twice ORDER BY first LIMIT $1", [_SHOWN]).fetchall()]
        held = con.execute(_ROWS, [str(path)]).fetchnumpy()["row"] if wanted and count else ()
    return int(count), shown, np.asarray(held, dtype=np.int64)


_TWICE = """
SELECT key, MIN(row) AS first, COUNT(*) AS n FROM read_parquet($1) WHERE key IS NOT NULL GROUP BY key HAVING COUNT(*) > 1
"""
_ROWS = "SELECT k.row AS row FROM read_parquet($1) k JOIN twice USING (key) WHERE k.row > twice.first ORDER BY k.row"
