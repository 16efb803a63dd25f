"""A model measured in a process that does nothing else: how long it takes to answer, and what memory that costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Report
from headrace.hooks import Measured, NoAnswer, Plugins, Signature, load_plugins
from headrace.hooks.plugins import ONLY
from headrace.registry import Version
from headrace.store import Store
from headrace.transforms import read

if TYPE_CHECKING:
    import pandas as pd

SECONDS = 300.0
"""How long the process may take, wall time."""
_MOST = 2_000
"""Rows that are handed over to be asked."""
_TRACED = 200
"""One-row requests while Python's allocator is watched, which makes them slow: their times count for nothing."""
_BEGIN = "headrace-measured "


def measured(store: Store, plugins: Plugins, version: Version, held: pd.DataFrame, asked: tuple[int, int, int, int]) -> Measured:
    """Warm-up requests, one-row requests, batches, and rows of each; NoAnswer where the process fails or does not end."""
    import numpy as np

    if not len(held):
        raise NoAnswer("there are no rows to ask it about")
    names = [item["name"] for item in version.manifest["signature"]]
    with TemporaryDirectory(prefix="headrace-measured-") as name:
        folder = Path(name)
        (folder / "model").write_bytes(store.blobs.get(version.model_digest))
        held[names].head(_MOST).to_parquet(folder / "rows.parquet", index=False)
        told = {"algorithm": version.algorithm, "signature": version.manifest["signature"], "root": _root(plugins), "asked": list(asked)}
        told["unsafe"] = sorted(plugins.unsafe)
        (folder / "asked.json").write_text(json.dumps(told), encoding="utf-8")
        given = _run(folder, plugins)
    single, batch = (np.array(given.pop(part), dtype=np.float64) for part in ("single", "batch"))
    return Measured(single, batch, **given)


def _root(plugins: Plugins) -> str | None:
    return None if plugins.root is None else str(plugins.root)


def _run(folder: Path, plugins: Plugins) -> dict[str, Any]:
    # The same plugins take part there as here, and no other.
    environment = {**os.environ, ONLY: ",".join(plugins.names)}
    command = [sys.executable, "-m", __name__, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)  # noqa: S603 - ours
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"its process did not end within {SECONDS:g} s") from None
    line = next((line for line in reversed(done.stdout.splitlines()) if line.startswith(_BEGIN)), None)
    if done.returncode or line is None:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise NoAnswer(f"its process ended with {done.returncode}: {last[0][:300]}")
    found: dict[str, Any] = json.loads(line.removeprefix(_BEGIN))
    return found


def resident() -> int:
    """Bytes of memory that this process holds; where only its peak can be had, that."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _main(folder: Path) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    root = None if asked["root"] is None else Path(asked["root"])
    plugins = load_plugins(root, Report(), unsafe=asked["unsafe"])
    signature = Signature.from_json(asked["signature"])
    frame = pd.read_parquet(folder / "rows.parquet")
    requests = [_request(row) for row in frame.to_dict("records")]
    warm_up, single, batches, rows = asked["asked"]
    taken = np.arange(rows) % len(frame)
    matrix = signature.encode(frame.iloc[taken].reset_index(drop=True))
    before = resident()
    predictor = read(plugins, plugins.algorithms[asked["algorithm"]], (folder / "model").read_bytes(), signature=signature)
    loaded = resident()

    def one(number: int) -> None:
        values, _ = signature.encode_row(requests[number % len(requests)])
        predictor.predict(signature.matrix([values]))

    def many(number: int) -> None:
        del number
        predictor.predict(matrix)

    _timed(one, warm_up)
    _timed(many, 1)
    warm = resident()
    seconds, batch = _timed(one, single), _timed(many, batches)
    after = resident()
    tracemalloc.start()
    _timed(one, min(single, _TRACED))
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    memory = {"before": before, "loaded": loaded, "warm": warm, "after": after, "traced": traced}
    return {"single": seconds, "batch": batch, "rows": rows, **memory}


def _timed(call: Callable[[int], None], times: int) -> list[float]:
    seconds = []
    for number in range(times):
        began = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - began)
    return seconds


def _request(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as a request carries it."""
    import pandas as pd

    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


if __name__ == "__main__":
    print(_BEGIN + json.dumps(_main(Path(sys.argv[1]))))  # noqa: T201 - to the process that asked
