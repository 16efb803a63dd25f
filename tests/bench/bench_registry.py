"""How long it takes to find versions among 100,000, and by which plan; on SQLite, or on PostgreSQL by its URL.

A store that holds versions already is searched as it is.

    python tests/bench/bench_registry.py [--versions 100000] [--store URL] [--plan]

Beside what a search takes stands, on PostgreSQL, what its statements take by the database's own count:
planning and execution, as `EXPLAIN ANALYZE` has them.
It fails (exit 1) where the slowest of the searches takes 100 ms or more at its median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event, insert

from headrace.registry import found, wanted
from headrace.registry.semver import SemVer
from headrace.store import Store, tables
from headrace.store.registered import VersionIndex, VersionValue

MODELS = 100
BOUND = 0.1
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
SEARCHES = (
    ("metrics.roc_auc > 0.99", "created desc"),
    ("metrics.roc_auc > 0.5", "created desc"),
    ("metrics.roc_auc > 0.9 and params.learning_rate <= 0.1 and stage == 'staging'", "metrics.roc_auc desc"),
    ("model == 'model-7' and semver >= '5.0.0'", "semver desc"),
    ("alias == 'champion' and metrics.roc_auc > 0.7", "metrics.roc_auc desc"),
    ("tags.tier == 'gold' or params.booster == 'dart'", "created desc"),
    ("not (metrics.log_loss > 0.1) and algorithm == 'lightgbm.classifier'", "created desc"),
    ("created >= '2024-01-05' and created < '2024-01-06'", "created asc"),
)


def fill(store: Store, versions: int) -> None:
    """Versions with five metrics, five params and a tag each."""
    random = Random(7)
    with store.transaction("bench", "fill", "registry") as session:
        connection = session.connection()
        for start in range(0, versions, 5_000):
            rows = [_version(n, random) for n in range(start, min(start + 5_000, versions))]
            connection.execute(insert(VersionIndex), rows)
            values = [{"version_id": row["id"], **value} for row in rows for value in _values(random)]
            connection.execute(insert(VersionValue), values)
        connection.execute(
            insert(tables.Alias), [{"model": f"model-{n}", "name": "champion", "number": versions // MODELS} for n in range(MODELS)]
        )


def _version(n: int, random: Random) -> dict[str, Any]:
    model, number = f"model-{n % MODELS}", n // MODELS + 1
    semver = SemVer((number // 100, number // 10 % 10, number % 10))
    return {
        "id": n + 1,
        "model": model,
        "number": number,
        "algorithm": random.choice(["lightgbm.classifier", "sklearn.logistic"]),
        "run_id": f"{n:032x}",
        "created_at": BEGAN + timedelta(minutes=n),
        "stage": random.choice(["registered", "rejected", "staging", "deprecated"]),
        "semver": str(semver),
        "precedence": semver.precedence,
    }


def _values(random: Random) -> Iterator[dict[str, Any]]:
    for name in ("roc_auc", "log_loss", "accuracy", "brier", "average_precision"):
        yield {"kind": "metric", "name": name, "number": random.random(), "text": None}
    for name in ("learning_rate", "num_leaves", "n_estimators", "min_child_samples"):
        yield {"kind": "param", "name": name, "number": random.random(), "text": None}
    yield {"kind": "param", "name": "booster", "number": float("nan"), "text": random.choice(["gbdt"] * 99 + ["dart"])}
    yield {"kind": "tag", "name": "tier", "number": float("nan"), "text": random.choice(["iron"] * 99 + ["gold"])}


def inside(store: Store, text: str, order: str) -> float | None:
    """The seconds that the statements of a search take by PostgreSQL's own count; None on SQLite, which has none."""
    if store.engine.dialect.name != "postgresql":
        return None
    said: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        said.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", keep)
    found.search(store, text, order=wanted.order(order), limit=20)
    event.remove(store.engine, "before_cursor_execute", keep)
    with store.engine.connect() as connection:
        asked = [(statement, given) for statement, given in said if statement.startswith("SELECT")]
        told = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given).scalar_one()[0] for statement, given in asked
        ]
    taken: float = sum(one["Planning Time"] + one["Execution Time"] for one in told)
    return taken / 1000


def timed(store: Store, text: str, order: str) -> tuple[float, int | None]:
    """The median seconds of one page, and how many versions were meant."""
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        page = found.search(store, text, order=wanted.order(order), limit=20)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), page.total


def main() -> None:
    """Print a line a search, and a line of JSON."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--versions", type=int, default=100_000)
    given.add_argument("--store", default="sqlite:///state.db")
    given.add_argument("--plan", action="store_true")
    asked = given.parse_args()
    with TemporaryDirectory() as folder, Store.open(asked.store, "blobs", root=Path(folder)) as store:
        if found.search(store, limit=1).total == 0:
            fill(store, asked.versions)
        if store.engine.dialect.name == "postgresql":
            # What autovacuum does by itself within a minute of so many rows: without it no plan reads an index alone.
            with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM (ANALYZE) version_index, version_value, alias")
        slowest = 0.0
        for text, order in SEARCHES:
            seconds, total = timed(store, text, order)
            slowest = max(slowest, seconds)
            within = inside(store, text, order)
            own = "" if within is None else f"  {within * 1000:6.1f} inside"
            print(f"{seconds * 1000:7.1f} ms{own}  {'many' if total is None else total:>7} meant  {text}  order {order}", flush=True)
            if asked.plan:
                plan = found.search(store, text, order=wanted.order(order), limit=20, plan=True).plan
                print(*(f"            {line}" for line in plan), sep="\n")
    print(json.dumps({"versions": asked.versions, "slowest_ms": round(slowest * 1000, 1), "bound_ms": BOUND * 1000}))
    sys.exit(slowest >= BOUND)


if __name__ == "__main__":
    main()
