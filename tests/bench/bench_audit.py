"""The audit log: what an entry costs a transaction, and what a proof costs in a log of a million; prints JSON.

    python tests/bench/bench_audit.py [--entries 10000] [--of 1000000]

`transactions` are one entry each on an SQLite file with its log flushed at every commit: what a user sees, and what the disk allows.
`without_flush` are the same with `PRAGMA synchronous=OFF`: what Headrace and SQLite compute. `in_one` are as many entries in one
transaction: the log's own part. `proof` reads the tiles of one entry from the database each time.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from headrace.audit.entry import Said
from headrace.audit.verify import HEIGHT, Edge, included, leaf_hash
from headrace.store import Store, clock, engine, ledger, trail

PROOFS = 200


def timed(work: Callable[[Store, int], None], store: Store, count: int) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work(store, count)
    return {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}


def transactions(store: Store, count: int) -> None:
    for number in range(count):
        with store.transaction("user:bench", "move", f"model/m{number % 50}"):
            pass


def in_one(store: Store, count: int) -> None:
    with store.transaction("user:bench", "fill", "log") as session:
        for number in range(count - 1):
            ledger.append(session, Said("user:bench", "move", f"model/m{number % 50}", clock.wall(), clock.wall()))


def filled(store: Store, count: int) -> None:
    """A log of so many entries, written at once: the tree is what proofs read, and it is the same."""
    with store.transaction("user:bench", "begin", "log"):
        pass
    with store.read() as session:
        stands = trail.head(session)
        assert stands is not None
        edge, log, first = Edge(), stands.log, next(trail.entries(session, trail.Asked()))
    now = clock.wall()
    said = Said("user:bench", "move", "model/m", now, now)
    rows: list[tuple[Any, ...]] = []
    nodes: list[tuple[int, int, bytes]] = []
    for seq in range(count):
        body = first.body if seq == 0 else said.body(log, seq, "0" * 32)
        leaf = leaf_hash(body)
        nodes += [(level // HEIGHT, index, node) for level, index, node in edge.append(leaf) if level % HEIGHT == 0]
        rows.append((seq, "user:bench", "move", "model/m", "2026-01-01 00:00:00.000000", "2026-01-01 00:00:00.000000", leaf, body))
    connection = store.engine.execution_options(**engine.WRITE).raw_connection()
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=OFF")
    for name in ("audit_entry_insert", "audit_node_insert", "audit_head_update"):
        cursor.execute(f"DROP TRIGGER {name}")
    cursor.execute("BEGIN")
    cursor.executemany("INSERT INTO audit_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows[1:])
    cursor.executemany("INSERT INTO audit_node VALUES (?, ?, ?)", nodes)
    cursor.execute("UPDATE audit_head SET size = ?, edge = ?", (edge.size, b"".join(edge.hashes)))
    cursor.execute("COMMIT")
    connection.close()


def proofs(store: Store) -> list[float]:
    took = []
    for _ in range(PROOFS):
        begun = time.perf_counter()
        with store.read() as session:
            stands = trail.head(session)
            assert stands is not None
            index = random.randrange(stands.size)
            proof = trail.tree(session, stands.size).inclusion(index)
            leaf = session.get_one(trail.Audit, index).leaf
        took.append(time.perf_counter() - begun)
        assert included(leaf, index, stands.size, proof, stands.root)
    return sorted(took)


def unflushed(store: Store) -> None:
    connection = store.engine.raw_connection()
    connection.cursor().execute("PRAGMA synchronous=OFF")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--of", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the databases are made")
    asked = parser.parse_args()
    told: dict[str, Any] = {"entries": asked.entries, "of": asked.of}
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        with Store.open("sqlite:///a.db", "blobs", root=Path(folder)) as store:
            told["in_one"] = timed(in_one, store, asked.entries)
            told["transactions"] = timed(transactions, store, asked.entries)
            unflushed(store)
            told["without_flush"] = timed(transactions, store, asked.entries)
        with Store.open("sqlite:///b.db", "blobs", root=Path(folder)) as store:
            filled(store, asked.of)
            took = proofs(store)
            told["proof_ms"] = {"median": round(median(took) * 1000, 2), "p99": round(took[int(0.99 * PROOFS)] * 1000, 2)}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
