#!/usr/bin/env python
"""A model server against the uvicorn floor, a naive FastAPI endpoint and peers; prints JSON.

All servers of a comparison are up at once, visited by turns in changing order; medians over the rounds. Every
request of one row carries the same row, unless it says otherwise, and an API key, which Headrace asks for. Compare the numbers of one run
alone. Needs wrk.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import serving_peers as peers
import serving_targets as targets
from serving_load import Load, Target, alternated, resident_mb, summary
from serving_parts import parts
from serving_process import Hammer, Project, served, until
from serving_project import project
from sqlmodel import select

from headrace.journal import ship, unshipped
from headrace.store.tables import Prediction

CONNECTIONS = (1, 8, 32)


def single(load: Load, found: list[Target], options: argparse.Namespace) -> dict[str, Any]:
    """One row a request, at several concurrencies; how many times each of the others' requests a second, and each one's CPU time."""
    told: dict[str, Any] = summary(alternated(load, found, CONNECTIONS, rounds=options.rounds, seconds=options.seconds))
    us = told["headrace"]
    told["headrace, in ratios"] = {
        at: {
            f"times {name}": round(us[at]["per_second"] / told[name][at]["per_second"], 2)
            for name in told
            if not name.startswith("headrace, 2") and name != "headrace"
        }
        | {"CPU, times the floor's": round(us[at]["cpu_us"] / told["uvicorn floor"][at]["cpu_us"], 2)}
        for at in us
    }
    told["memory_mb"] = {one.name: round(resident_mb(one.pid), 1) for one in found}
    return told


def several(load: Load, found: list[Target], sent: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Many rows a request, as records, one request at a time."""
    asked = [Target(one.name, one.port, one.pid, "/predict/batch", sent) for one in found]
    told: dict[str, Any] = summary(alternated(load, asked, (1,), rounds=options.rounds, seconds=options.seconds))
    told["times naive FastAPI"] = round(told["headrace"]["c=1"]["per_second"] / told["naive FastAPI"]["c=1"]["per_second"], 2)
    return told


def beside(load: Load, ours: Target, sent: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The p50 of single rows over four connections, alone and while one client sends large batches without a pause, by turns."""
    batches = Target(ours.name, ours.port, ours.pid, "/predict/batch", sent)
    alone, together = [], []
    for _ in range(options.rounds):
        alone.append(load.run(ours, 4, options.seconds)["p50_ms"])
        other = subprocess.Popen(load.command(batches, 1, options.seconds + 2), stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            together.append(load.run(ours, 4, options.seconds)["p50_ms"])
        finally:
            other.terminate()
            other.wait()
    told = {"alone_p50_ms": round(statistics.median(alone), 3), "beside_batches_p50_ms": round(statistics.median(together), 3)}
    return told | {"times": round(told["beside_batches_p50_ms"] / told["alone_p50_ms"], 2)}


def survived(folder: Path, seconds: int) -> dict[str, Any]:
    """What a kill -9 under load loses of what was acknowledged, and what a change of champion under load makes fail."""
    made = project(folder)
    one, other = made.register(0), made.register(1)
    made.alias("champion", one)
    with served(made) as server:
        with Hammer(server.port) as swap:
            until(lambda: len(swap.answered) > 200)
            made.alias("champion", other)
            until(lambda: server.answers_as(champion=other))
            time.sleep(seconds / 2)
        before = len(swap.answered)
        with Hammer(server.port) as hammer:
            time.sleep(seconds)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
    answered = [reply["id"] for reply in (*swap.answered, *hammer.answered)]
    kept = _kept(made)
    return {
        "swap": {"answered": before, "failed": len(swap.failed), "versions": sorted({reply["version"] for reply in swap.answered})},
        "kill -9": {
            "acknowledged": len(answered),
            "lost": len(set(answered) - set(kept)),
            "twice": len(kept) - len(set(kept)),
            "journalled, not acknowledged": len(set(kept) - set(answered)),
        },
    }


def _taken(found: list[Target], sent: Path, key: str) -> bool:
    body = sent.read_text().splitlines()[0].encode()
    return all(targets.answers(one.port, "/predict/batch", body, key) for one in found)


def _kept(made: Project) -> list[str]:
    def all_of_it() -> bool:
        ship(made.store, made.spool)  # beside the killed server's own shipper, which makes a last pass
        return unshipped(made.store, made.spool) == 0

    until(all_of_it, 60)
    with made.store.read() as session:
        found = [row.id for row in session.exec(select(Prediction))]
    made.store.close()
    return found


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model, sent = targets.trained(), targets.bodies(folder)
        made, key = targets.prepared(folder / "project", model)
        load = Load.made(folder, key)
        told: dict[str, Any] = {}
        with ExitStack() as open_:
            found: list[Target] = [
                open_.enter_context(targets.floor(folder, sent)),
                open_.enter_context(targets.naive(folder, model, sent)),
                open_.enter_context(targets.ours(folder, made, key, sent)),
                open_.enter_context(targets.ours(folder, made, key, sent, logged=False)),
            ]
            headrace = next(one for one in found if one.name == "headrace")
            found.append(replace(headrace, name="headrace, 200 different rows", bodies=sent[200]))
            mine = [one for one in found if one.name in ("headrace", "naive FastAPI")]
            if options.peers:
                where = None if options.peers == "make" else Path(options.peers)
                others = [
                    *(open_.enter_context(peers.mlserver(folder, where, model, sent[1], workers=n)) for n in (0, 1)),
                    *(open_.enter_context(peer(folder, where, model, sent[1])) for peer in (peers.mlflow, peers.bentoml, peers.litserve)),
                ]
                found += [one for one in others if one is not None]
            told["1 row"] = single(load, found, options)
            told["100 rows"] = several(load, mine, sent[100], options)
            most = 10_000 if _taken(mine, sent[10_000], key) else 1_000  # a body may be refused for its size
            told[f"{most:,} rows"] = several(load, mine, sent[most], options)
            told[f"single rows beside {most:,}"] = beside(load, headrace, sent[most], options)
        told["CPU of a request without a network, us"] = parts(made, key)
        told["lives"] = survived(folder / "lives", options.seconds)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one target at one concurrency in a round")
    parser.add_argument("--peers", help="`make` for environments that are made, or a folder with them: mlserver, mlflow, bentoml, litserve")
    print(json.dumps(run(parser.parse_args()), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
