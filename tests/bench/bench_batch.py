"""A batch of many rows against LightGBM's own predict on the same rows in memory: rows a second, and memory.

Run: python tests/bench/bench_batch.py [ROWS] [WORKERS] [ROUNDS]   (1,000,000 rows, 1 process, 3 rounds, where nothing is said)

By the clock, and by processor time, which says the same on a machine that others use.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import lightgbm
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
from batch_world import AT, PARTS, make, promote

from headrace import registry
from headrace.diagnostics import Report
from headrace.hooks import Input, Signature, load_plugins, resolve
from headrace.store import Store, digest

INPUTS, TREES, LEAVES = 30, 200, 31
GROUP = 1_000_000
NAMES = [f"x{at}" for at in range(INPUTS)]


def train(root: Path) -> None:
    """Version 2 of model/churn: as many trees and inputs as the serving benchmark's model has."""
    known = load_plugins(None, Report(), allow=[]).algorithms["lightgbm.classifier"]
    draw = np.random.default_rng(7)
    matrix = draw.normal(size=(20_000, INPUTS))
    target = (matrix[:, :5].sum(axis=1) + draw.normal(size=20_000) > 0).astype(float)
    signature = Signature(tuple(Input(name, "number") for name in NAMES))
    params = resolve(known.params)(n_estimators=TREES, num_leaves=LEAVES)
    predictor = resolve(known.fit)(matrix, target, signature=signature, params=params, seed=7)
    store = Store.open("sqlite:///state.db", "blobs", root=root)
    manifest = {"signature": signature.to_json(), "digests": {part: digest(part.encode()) for part in PARTS}, "metrics": {}, "seed": 7}
    data = resolve(known.save)(predictor)
    registry.register(
        store,
        actor="bench",
        model="churn",
        run_id="b",
        manifest=manifest,
        model_bytes=data,
        algorithm=known.name,
        format=known.format,
        at=AT,
    )
    promote(store, 2)
    store.close()
    (root / "model.txt").write_bytes(data)


def write(root: Path, rows: int) -> None:
    """The rows, a group at a time."""
    draw, writer = np.random.default_rng(11), None
    for first in range(0, rows, GROUP):
        some = min(GROUP, rows - first)
        table = pa.table({"id": np.arange(first, first + some)} | {name: draw.normal(size=some) for name in NAMES})
        writer = writer or pq.ParquetWriter(root / "rows.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def own(root: Path, rows: int, threads: int) -> tuple[float, float]:
    """Seconds and processor seconds of LightGBM's own predict on the first group of rows in memory, taken times all of them."""
    booster = lightgbm.Booster(model_file=root / "model.txt")
    table = pq.ParquetFile(root / "rows.parquet").read_row_group(0, columns=NAMES)
    matrix = np.column_stack([table[name].to_numpy() for name in NAMES])
    began, worked = time.perf_counter(), time.process_time()
    booster.predict(matrix, num_threads=threads)
    times = rows / len(matrix)
    return (time.perf_counter() - began) * times, (time.process_time() - worked) * times


SCORE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from batch_world import order, source
from headrace.compiled import ColumnConfig
from headrace.steps.batch import column
from headrace.steps.batch.carry import scored
from headrace.steps.batch.rows import Asks
from headrace.steps.workspace import open_workspace
import resource, time
root, workers, names = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(",")
kinds = {"id": "int64"} | dict.fromkeys(names, "float")
columns = {name: ColumnConfig(from_=name, type=kind) for name, kind in kinds.items()}
config = source(root / "rows.parquet").model_copy(update={"columns": columns})
unused = {name: columns["id"] for name in ("x", "c")}
asked = order(config.model_copy(update={"columns": columns | unused}), str(root / "out.parquet"))
read = replace(asked.input, columns=tuple((name, name) for name in kinds))
asked = replace(asked, input=read, inputs={name: Asks(name, column(config, name)) for name in names})
with open_workspace(root / "flows" / "headrace.json", "bench") as place:
    began, worked = time.perf_counter(), time.process_time()
    scored(place, replace(asked, overwrite=True, workers=workers), lambda now: None)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(time.perf_counter() - began, time.process_time() - worked + children.ru_utime + children.ru_stime)
"""


def ours(root: Path, workers: int) -> tuple[float, float, float]:
    """Seconds and processor seconds of a batch from file to file, and the most memory that its processes held together, in MiB."""
    command = [sys.executable, "-c", SCORE, str(Path(__file__).parents[1] / "batch"), str(root), str(workers), ",".join(NAMES)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most, seen = 0, psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            most = max(most, sum(one.memory_info().rss for one in (seen, *seen.children(recursive=True))))
        time.sleep(0.05)
    assert process.returncode == 0
    assert process.stdout is not None
    seconds, worked = map(float, process.stdout.read().split())
    return seconds, worked, most / 2**20


def main() -> None:
    rows, workers, rounds = (int(given) for given in [*sys.argv[1:4], *("1000000", "1", "3")[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        root = Path(folder).resolve()
        make(root)
        train(root)
        write(root, rows)
        held = []
        for _ in range(rounds):
            (alone, worked_alone), (seconds, worked, memory) = own(root, rows, workers), ours(root, workers)
            held.append((alone / seconds, worked_alone / worked, rows / worked, memory))
            print(f"of LightGBM's own: {held[-1][0]:.2f} by the clock, {held[-1][1]:.2f} by processor time; {memory:,.0f} MiB", flush=True)
        clock, processor, speed, memory = (statistics.median(values) for values in zip(*held, strict=True))
        spread = f"{min(one[1] for one in held):.2f}-{max(one[1] for one in held):.2f}"
        print(f"{rows:,} rows, {workers} processes, medians of {rounds}: {clock:.2f} of LightGBM's own predict by the clock")
        print(f"{processor:.2f} ({spread}) by processor time, {speed:,.0f} rows a processor second; {memory:,.0f} MiB")


if __name__ == "__main__":
    main()
