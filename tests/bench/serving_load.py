"""Load by wrk on one machine, and what it costs: requests a second, latencies, and the CPU time of a server with all that it started."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SCRIPT = """
local requests, at = {}, 0

function init(arguments)
  local headers = {["Content-Type"] = "application/json", ["Host"] = "127.0.0.1", ["X-API-Key"] = arguments[3]}
  for line in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", arguments[2], headers, line)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('\\n{"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Target:
    """A running server: where it answers, by what bodies, and the process that everything of it belongs to."""

    name: str
    port: int
    pid: int
    path: str
    bodies: Path


@dataclass(frozen=True)
class Load:
    """wrk, with its script in a folder; the API key goes with every request to every server, so that all read the same bytes."""

    wrk: str
    script: Path
    key: str

    @classmethod
    def made(cls, folder: Path, key: str) -> Load:
        """Ends the program where wrk is not there."""
        found = shutil.which("wrk")
        if found is None:
            sys.exit("this benchmark needs wrk: `apt-get install wrk`")
        script = folder / "post.lua"
        script.write_text(SCRIPT)
        return cls(found, script, key)

    def command(self, target: Target, connections: int, seconds: int) -> list[str]:
        """One round of so many connections, by one thread."""
        url = f"http://127.0.0.1:{target.port}"
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(self.script)]
        return [self.wrk, *options, url, "--", str(target.bodies), target.path, self.key]

    def run(self, target: Target, connections: int, seconds: int) -> dict[str, float]:
        """One round's figures; ends the program where a request failed."""
        before = cpu_seconds(target.pid)
        with tempfile.TemporaryFile("w+") as out:
            subprocess.run(self.command(target, connections, seconds), stdout=out, stderr=out, check=True)
            out.seek(0)
            said = out.read()
        told: dict[str, float] = json.loads(said.splitlines()[-1])
        if told["refused"] or told["broken"] or not told["requests"]:
            sys.exit(f"{target.name}: {said}")
        told["cpu_us"] = (cpu_seconds(target.pid) - before) / told["requests"] * 1e6
        told["per_second"] = told["requests"] / told["seconds"]
        return told


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process and of all below it, ended ones too."""
    parent = psutil.Process(pid)
    own = parent.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in parent.children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return float(total)


def resident_mb(pid: int) -> float:
    """Memory that a server's process holds, in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def alternated(
    load: Load, targets: Sequence[Target], concurrencies: Sequence[int], *, rounds: int, seconds: float
) -> dict[str, dict[int, list[dict[str, float]]]]:
    """Every target at every concurrency in each round; the order turns by one with each round, and is reversed in every other."""
    taken: dict[str, dict[int, list[dict[str, float]]]] = {one.name: {c: [] for c in concurrencies} for one in targets}
    for one in targets:
        load.run(one, 4, 1)
    for turn in range(rounds):
        at = turn % len(targets)
        order = [*targets[at:], *targets[:at]]
        for one in reversed(order) if turn % 2 else order:
            for c in concurrencies:
                taken[one.name][c].append(load.run(one, c, seconds))
    return taken


FIGURES = ("per_second", "p50_ms", "p99_ms", "cpu_us")


def summary(taken: Mapping[str, Mapping[int, Iterable[Mapping[str, float]]]]) -> dict[str, dict[str, dict[str, Any]]]:
    """The median of each figure over the rounds, with the least and the greatest of the requests a second."""
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for name, by_connections in taken.items():
        told[name] = {}
        for c, rounds in by_connections.items():
            each = {figure: [one[figure] for one in rounds] for figure in FIGURES}
            figures = {figure: round(statistics.median(values), 3) for figure, values in each.items()}
            told[name][f"c={c}"] = figures | {"spread": [round(min(each["per_second"])), round(max(each["per_second"]))]}
    return told
