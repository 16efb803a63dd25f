#!/usr/bin/env python
"""How long a rollback takes, whether swaps cost a request, and what a shadow and the cache cost and bring; prints JSON.

All of it by real servers under load from four connections; rounds alternate, and medians are told with the least and the most.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from serving_process import MODEL, Hammer, Project, Served, project, served, until
from sqlmodel import select

from headrace import registry, rollout
from headrace.journal import ship, unshipped
from headrace.store import clock, tables

ACTOR = "user:bench"
SLOW = 0.002
"""Seconds of a slow predictor's answer."""
GOAL = 1.0


def summary(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    return {"median": round(statistics.median(values), digits), "least": round(min(values), digits), "most": round(max(values), digits)}


def promote(made: Project, number: int) -> None:
    with made.store.transaction(ACTOR, "promote", MODEL) as session:
        registry.promote(session, model=MODEL, number=number, at=clock.wall(), reason="bench")
    made.weigh(number)


def rollbacks(folder: Path, rounds: int) -> dict[str, Any]:
    """From the command to the last answer of the version that was champion, by what the journal says."""
    made = project(folder)
    first, second = made.register(0), made.register(1)
    made.alias("champion", first)
    made.weigh(first)
    asked: list[tuple[datetime, datetime]] = []
    with served(made) as server, Hammer(server.port) as load:
        for _ in range(rounds):
            promote(made, second)
            until(lambda: server.answers_as(champion=second))
            time.sleep(0.3)
            now = datetime.now(UTC)
            rollout.roll_back(made.store, model=MODEL, actor=ACTOR, reason="bench")
            until(lambda: server.answers_as(champion=first))
            asked.append((now, datetime.now(UTC)))
    while unshipped(made.store, made.spool):
        ship(made.store, made.spool)
    with made.store.read() as session:
        rows = session.exec(select(tables.Prediction.recorded_at, tables.Prediction.version)).all()
    took = [
        max([(at - now).total_seconds() for at, version in rows if version == second and now <= at <= end], default=0.0)
        for now, end in asked
    ]
    return {"seconds": summary(took), "requests": len(load.answered), "failed": len(load.failed), "swaps": 2 * rounds}


def rate(server: Served, seconds: float) -> float:
    with Hammer(server.port) as load:
        time.sleep(seconds)
    assert load.failed == []
    return len(load.answered) / seconds


def compared(folder: Path, rounds: int, seconds: float, configs: dict[str, dict[str, Any]], *, delay: float | None) -> dict[str, Any]:
    """Requests a second of servers that differ in one section."""
    rates: dict[str, list[float]] = {name: [] for name in configs}
    with ExitStack() as stack:
        servers = {}
        for name, config in configs.items():
            made = project(folder / name, config)
            number = made.register(0) if delay is None else made.register_flaky(0.5, delay=delay)
            made.alias("champion", number)
            made.register(1)
            servers[name] = stack.enter_context(served(made))
        for turn in range(rounds + 1):
            for name in sorted(servers, reverse=turn % 2 == 1):
                found = rate(servers[name], seconds)
                if turn:  # the first warms up
                    rates[name].append(found)
    return {name: summary(found, 1) for name, found in rates.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load a round")
    options = parser.parse_args()
    shadow = {"shadow": {"version": "latest", "share": 1.0, "queue": 1000}}
    cache = {"cache": {"predictions": 10000, "seconds": 60.0}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told: dict[str, Any] = {"rollback": rollbacks(folder / "rollback", options.rounds)}
        told["shadow of every row, requests/s"] = compared(
            folder / "shadow", options.rounds, options.seconds, {"off": {}, "on": shadow}, delay=None
        )
        told[f"cache before a predictor of {SLOW * 1e3:g} ms, requests/s"] = compared(
            folder / "cache", options.rounds, options.seconds, {"off": {}, "on": cache}, delay=SLOW
        )
    told["goals"] = {
        f"rollback < {GOAL:g} s": told["rollback"]["seconds"]["most"] < GOAL,
        "no failed request": told["rollback"]["failed"] == 0,
    }
    print(json.dumps(told, indent=2))
    return 0 if all(told["goals"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
