"""A batch of many rows against LightGBM's own predict on the same rows in memory: rows a second, and memory.

Run: python tests/bench/bench_batch.py [ROWS] [WORKERS]   (1,000,000 rows and 1 process, where nothing is said)
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
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
ROUNDS = 3
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
        store, actor="bench", model="churn", run_id="b", manifest=manifest, model_bytes=data, algorithm=known.name, format=known.format, at=AT
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


def own(root: Path, rows: int, threads: int) -> float:
    """Seconds of LightGBM's own predict on the rows of the first group in memory, for all of them: its time is proportional to rows."""
    booster = lightgbm.Booster(model_file=root / "model.txt")
    table = pq.ParquetFile(root / "rows.parquet").read_row_group(0, columns=NAMES)
    matrix = np.column_stack([table[name].to_numpy() for name in NAMES])
    began = time.perf_counter()
    booster.predict(matrix, num_threads=threads)
    return (time.perf_counter() - began) * rows / len(matrix)


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
import time
root, workers, names = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(",")
kinds = {"id": "int64"} | dict.fromkeys(names, "float")
config = source(root / "rows.parquet").model_copy(update={"columns": {n: ColumnConfig(from_=n, type=k) for n, k in kinds.items()}})
asked = order(config.model_copy(update={"columns": config.columns | {n: config.columns["id"] for n in ("x", "c")}}), str(root / "out.parquet"))
asked = replace(asked, input=replace(asked.input, columns=tuple((n, n) for n in kinds)), inputs={n: Asks(n, column(config, n)) for n in names})
with open_workspace(root / "flows" / "headrace.json", "bench") as place:
    began = time.perf_counter()
    scored(place, replace(asked, overwrite=True, workers=workers), lambda now: None)
    print(time.perf_counter() - began)
"""


def ours(root: Path, workers: int) -> tuple[float, float]:
    """Seconds of a whole batch, from the file to the file, and the most memory that its processes held together, in MiB."""
    command = [sys.executable, "-c", SCORE, str(Path(__file__).parents[1] / "batch"), str(root), str(workers), ",".join(NAMES)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most, seen = 0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            most = max(most, sum(one.memory_info().rss for one in (seen, *seen.children(recursive=True))))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.05)
    assert process.returncode == 0
    assert process.stdout is not None
    return float(process.stdout.read()), most / 2**20


def main() -> None:
    rows, workers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        root = Path(folder).resolve()
        make(root)
        train(root)
        write(root, rows)
        held = []
        for _ in range(ROUNDS):
            alone, (seconds, memory) = own(root, rows, workers), ours(root, workers)
            held.append((alone / seconds, rows / seconds, rows / alone, memory))
            print(f"{rows / seconds:,.0f} rows/s, LightGBM alone {rows / alone:,.0f}: {alone / seconds:.2f}, {memory:,.0f} MiB", flush=True)
        ratio, speed, peer, memory = (statistics.median(values) for values in zip(*held, strict=True))
        spread = f"{min(one[0] for one in held):.2f}-{max(one[0] for one in held):.2f}"
        print(f"{rows:,} rows, {workers} processes: {speed:,.0f} rows/s, {ratio:.2f} ({spread}) of LightGBM's own {peer:,.0f}; {memory:,.0f} MiB")


if __name__ == "__main__":
    main()
