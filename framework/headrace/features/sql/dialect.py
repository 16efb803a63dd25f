"""What engines write differently: moments as whole microseconds, and the newest of several values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write a query; `sqlglot` names the language that a portable text is turned into."""

    name: str
    micros: str
    """A timestamp without a zone, in UTC, as microseconds since 1970; `{0}` is the column."""
    structs: bool
    """Whether values can be compared part by part, so that the newest of several is a plain maximum."""
    binary: str = ""
    """What makes texts compare by their bytes."""


DUCKDB = Dialect("duckdb", "epoch_us({0})", structs=True)
"""What Headrace itself runs."""
PORTABLE = Dialect("portable", "epoch_us({0})", structs=False)
"""The same in words that every engine has, run by DuckDB."""
DIALECTS = {
    "duckdb": DUCKDB,
    "postgres": Dialect("postgres", "CAST(ROUND(EXTRACT(EPOCH FROM {0}) * 1000000) AS BIGINT)", structs=False, binary=' COLLATE "C"'),
    "spark": Dialect("spark", "UNIX_MICROS({0})", structs=False),
    "trino": Dialect("trino", "CAST(TO_UNIXTIME({0}) * 1000000 AS BIGINT)", structs=False),
    "bigquery": Dialect("bigquery", "UNIX_MICROS(CAST({0} AS TIMESTAMP))", structs=False),
    "snowflake": Dialect("snowflake", "DATE_PART(EPOCH_MICROSECOND, {0})", structs=False),
}
"""Every language that a query is shown in, by its name."""
