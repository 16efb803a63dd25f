"""A database in memory that holds no more than so much of it: beyond that it spills to a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY = "256MB"
"""What a question of all rows may hold in memory."""


@contextmanager
def spilling(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open for questions of all rows of a run."""
    import duckdb

    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute("SET temp_directory = $1", [str(folder / "spill")])
        con.execute("SET preserve_insertion_order = false")
        if con.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
            con.execute("SET enable_progress_bar = false")  # it would stand among the results, on stdout
        con.execute("SET autoinstall_known_extensions = false")
        yield con
