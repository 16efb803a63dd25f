#!/usr/bin/env python
"""Many rows in one request, in each form of a body, against a naive FastAPI endpoint and MLServer; prints JSON.

All servers are up at once, asked over one connection, by turns in changing order; medians over the rounds. Beside that, single rows over
four connections while one client sends large bodies without a pause. Compare the numbers of one run alone. Needs wrk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import psutil
import serving_peers as peers
import serving_targets as targets
from serving_load import Load, Target, summary

SIZES = (100, 1_000, 10_000)
BODY = 64 * 2**20
"""Bytes that a body may have: more than those of 10,000 records."""
SEVERAL = {100: 20, 1_000: 4, 10_000: 2}
"""How many bodies of each size are sent by turns."""
NAIVE, MLSERVER = "naive FastAPI, records", "MLServer, in process"


def _columns(told: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in told] for name in told[0]}


def _stream(told: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa

    table = pa.table(_columns(told))
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return bytes(out.getvalue())


def _tensor(told: list[dict[str, Any]]) -> bytes:
    flat = [row[name] for row in told for name in targets.NAMES]
    return json.dumps({"inputs": [{"name": "x", "shape": [len(told), targets.WIDTH], "datatype": "FP64", "data": flat}]}).encode()


FORMS: dict[str, Any] = {
    "records": lambda told: json.dumps({"rows": told}).encode(),
    "columns": lambda told: json.dumps({"columns": _columns(told)}).encode(),
    "OIP": _tensor,
    "Arrow": _stream,
}


def bodies(folder: Path, size: int) -> dict[str, Path]:
    """A file of each form, each body after its length."""
    found = targets.rows(size * SEVERAL[size], size)
    each = [found[at : at + size] for at in range(0, len(found), size)]
    made = {}
    for form, make in FORMS.items():
        made[form] = folder / f"{form}-{size}"
        told = [make(rows) for rows in each]
        made[form].write_bytes(b"".join(b"%d\n%s" % (len(body), body) for body in told))
    return made


SCRIPT = """
local requests, at = {}, 0

function init(arguments)
  local kind = arguments[1]:find("Arrow", 1, true) and "application/vnd.apache.arrow.stream" or "application/json"
  local headers = {["Content-Type"] = kind, ["Host"] = "127.0.0.1", ["X-API-Key"] = arguments[3]}
  local file = assert(io.open(arguments[1], "rb"))
  for length in function() return file:read("*l") end do
    requests[#requests + 1] = wrk.format("POST", arguments[2], headers, file:read(tonumber(length)))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
"""


def load_by(folder: Path, key: str) -> Load:
    """wrk, which sends bodies of any bytes: those of records among them."""
    made = Load.made(folder, key)
    done = made.script.read_text()
    made.script.write_text(SCRIPT + done[done.index("\nfunction done") :])
    return made


def alone(pid: int) -> float:
    """User and system seconds of the process that answers, without what it has started, such as the journal's shipper."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def by_turns(load: Load, asked: list[Target], options: argparse.Namespace) -> dict[str, dict[int, list[dict[str, float]]]]:
    """Every target over one connection in each round; the order turns by one with each round, and is reversed in every other."""
    taken: dict[str, dict[int, list[dict[str, float]]]] = {one.name: {1: []} for one in asked}
    for turn in range(-1, options.rounds):  # the first is a warm-up
        at = turn % len(asked)
        order = [*asked[at:], *asked[:at]]
        for one in reversed(order) if turn % 2 else order:
            before = alone(one.pid)
            found = load.run(one, 1, options.seconds)
            found["own_cpu_us"] = (alone(one.pid) - before) / found["requests"] * 1e6
            if turn >= 0:
                taken[one.name][1].append(found)
    return taken


def compared(load: Load, servers: dict[str, Target], sent: dict[str, Path], model: str, options: argparse.Namespace) -> dict[str, Any]:
    """One size: every form of ours beside records to the naive endpoint and one flat tensor to MLServer."""
    ours = servers["headrace"]
    paths = {form: f"/v2/models/{model}/infer" if form == "OIP" else "/predict/batch" for form in FORMS}
    asked = [Target(f"headrace, {form}", ours.port, ours.pid, paths[form], place) for form, place in sent.items()]
    naive = servers["naive FastAPI"]
    asked.append(Target(NAIVE, naive.port, naive.pid, "/predict/batch", sent["records"]))
    if MLSERVER in servers:
        peer = servers[MLSERVER]
        asked.append(Target(MLSERVER, peer.port, peer.pid, peer.path, sent["OIP"]))
    taken = by_turns(load, asked, options)
    told: dict[str, Any] = summary(taken)
    for name, rounds in taken.items():
        rates = [one["per_second"] for one in rounds[1]]
        told[name]["c=1"] |= {
            "spread": [round(min(rates), 2), round(max(rates), 2)],
            "own_cpu_us": round(statistics.median(one["own_cpu_us"] for one in rounds[1])),
        }
    told["headrace, in ratios"] = {
        form: {
            f"times {other}": {
                "requests": round(mine["per_second"] / told[other]["c=1"]["per_second"], 2),
                "CPU": round(told[other]["c=1"]["cpu_us"] / mine["cpu_us"], 2),
                "CPU of what answers": round(told[other]["c=1"]["own_cpu_us"] / mine["own_cpu_us"], 2),
            }
            for other in (NAIVE, MLSERVER)
            if other in told
        }
        for form in FORMS
        for mine in [told[f"headrace, {form}"]["c=1"]]
    }
    return told


def beside(load: Load, ours: Target, single: Path, sent: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The p50 and p99 of single rows over four connections, alone and beside large records without a pause, by turns."""
    one = Target(ours.name, ours.port, ours.pid, "/predict", single)
    batches = Target(ours.name, ours.port, ours.pid, "/predict/batch", sent)
    alone, together = [], []
    for _ in range(options.rounds):
        alone.append(load.run(one, 4, options.seconds))
        other = subprocess.Popen(load.command(batches, 1, options.seconds + 2), stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            together.append(load.run(one, 4, options.seconds))
        finally:
            other.terminate()
            other.wait()
    told: dict[str, Any] = {}
    for name, rounds in (("alone", alone), ("beside", together)):
        for figure in ("p50_ms", "p99_ms"):
            values = [found[figure] for found in rounds]
            told[f"{name}_{figure}"] = round(statistics.median(values), 3)
            told[f"{name}_{figure}_spread"] = [round(min(values), 3), round(max(values), 3)]
    return told | {"times_p50": round(told["beside_p50_ms"] / told["alone_p50_ms"], 2)}


def wide(config: Path) -> None:
    """Let a served config take large bodies."""
    told = json.loads(config.read_text())
    told["limits"] = {**told.get("limits", {}), "body": BODY}
    config.write_text(json.dumps(told))


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place, ExitStack() as open_:
        folder = Path(place)
        model, first = targets.trained(), targets.bodies(folder)
        made, key = targets.prepared(folder / "project", model)
        wide(made.config)
        load = load_by(folder, key)
        found = [
            open_.enter_context(targets.naive(folder, model, first)),
            open_.enter_context(targets.ours(folder, made, key, first)),
        ]
        if options.peers:
            where = None if options.peers == "make" else Path(options.peers)
            found += [one for one in [open_.enter_context(peers.mlserver(folder, where, model, first[1], workers=0))] if one is not None]
        servers = {one.name: one for one in found}
        name = json.loads(made.config.read_text())["model"]
        told: dict[str, Any] = {"load": os.getloadavg()}
        sent = {size: bodies(folder, size) for size in options.sizes}
        for size in options.sizes:
            told[f"{size:,} rows"] = compared(load, servers, sent[size], name, options)
        single = folder / "records-1"
        body = first[1].read_bytes().strip()
        single.write_bytes(b"%d\n%s" % (len(body), body))
        largest = max(options.sizes)
        told[f"single rows beside {largest:,}"] = beside(load, servers["headrace"], single, sent[largest]["records"], options)
        return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one server in a round")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--peers", help="`make` for environments that are made, or a folder with them: mlserver")
    print(json.dumps(run(parser.parse_args()), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
