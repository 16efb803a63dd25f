#!/usr/bin/env python
"""p50 of reading 10 windowed features of a random entity, in process, of 10^6 events in SQLite; beside it Feast's lookup; prints JSON.

Feast reads 10 ready-made columns of the same entities from its own SQLite store, in an environment of its own that is made here with uv.
Rounds alternate between the two; their medians are told. `--no-feast` leaves it out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headrace.compiled import FeatureConfig, SourceConfig, ViewConfig
from headrace.diagnostics import Report
from headrace.features import Origins, online
from headrace.hooks import load_plugins

EVENTS, ENTITIES, READS = 1_000_000, 50_000, 2_000
GOAL_US, GOAL_TIMES = 50.0, 3.0
START = datetime(2023, 1, 1, tzinfo=UTC)
END = START + timedelta(days=365)
DAY = 86_400
FEAST = "feast==0.67.0"


def feature(kind: Any, of: str | None, days: int, *, last: bool = False) -> FeatureConfig:
    return FeatureConfig(
        kind=kind,
        of=of,
        over_seconds=None if last else days * DAY,
        where=None,
        empty=None,
        expires_seconds=days * DAY if last else None,
        type="number",
    )


FEATURES = {
    "sum_7d": feature("sum", "amount", 7),
    "sum_30d": feature("sum", "amount", 30),
    "sum_90d": feature("sum", "amount", 90),
    "count_7d": feature("count", None, 7),
    "count_30d": feature("count", None, 30),
    "mean_30d": feature("mean", "amount", 30),
    "max_30d": feature("max", "amount", 30),
    "min_90d": feature("min", "amount", 90),
    "std_90d": feature("std", "amount", 90),
    "last": feature("last", "amount", 90, last=True),
}
VIEW = ViewConfig(
    source="tx",
    entity="customer",
    time="at",
    available_at=None,
    available_after_seconds=0,
    late_seconds=None,
    window_edges="(t-w, t]",
    tie_break=(),
    features=FEATURES,
)
SOURCE = SourceConfig.model_validate(
    {
        "uri": "tx.parquet",
        "columns": {
            "customer": {"from": "customer", "type": "int64"},
            "at": {"from": "at", "type": "timestamp"},
            "amount": {"from": "amount", "type": "float"},
        },
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
)

PEER = """
import json, sys, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
import numpy as np, pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64

folder, entities, names = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
config = RepoConfig(
    project="bench",
    provider="local",
    registry=str(folder / "registry.db"),
    entity_key_serialization_version=3,
    online_store={"type": "sqlite", "path": str(folder / "feast.db")},
    offline_store={"type": "file"},
)
store = FeatureStore(config=config)
customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.INT64)
source = FileSource(path=str(folder / "wide.parquet"), timestamp_field="at")
schema = [Field(name=name, dtype=Float64) for name in names]
view = FeatureView(name="wide", entities=[customer], ttl=timedelta(days=3650), schema=schema, source=source)
rng = np.random.default_rng(1)
wide = pd.DataFrame({"customer": np.arange(entities), "at": pd.Timestamp("2023-12-31", tz="UTC")})
wide = wide.assign(**{name: rng.random(entities) for name in names})
wide.to_parquet(folder / "wide.parquet")
store.apply([customer, view])
for start in range(0, entities, 5000):
    store.write_to_online_store("wide", wide.iloc[start : start + 5000])
features = [f"wide:{name}" for name in names]
print("ready", flush=True)
for line in sys.stdin:
    took = []
    for entity in json.loads(line):
        began = time.perf_counter()
        store.get_online_features(features=features, entity_rows=[{"customer": entity}])
        took.append((time.perf_counter() - began) * 1e6)
    print(json.dumps(took), flush=True)
"""


def events(folder: Path) -> None:
    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, ENTITIES + 1) ** 0.5
    customer = rng.choice(ENTITIES, size=EVENTS, p=weight / weight.sum())
    at = pd.to_datetime(START) + pd.to_timedelta(rng.integers(0, 365 * DAY, EVENTS), unit="s")
    frame = pd.DataFrame({"customer": customer, "at": at.as_unit("us"), "amount": rng.gamma(2.0, 20.0, EVENTS).round(2)})
    frame.to_parquet(folder / "tx.parquet")


def reading(store: online.Events, plan: online.Computing, entities: list[int]) -> list[float]:
    took = []
    for entity in entities:
        began = time.perf_counter()
        store.read(plan, entity, END)
        took.append((time.perf_counter() - began) * 1e6)
    return took


def peer(folder: Path) -> subprocess.Popen[str]:
    """Feast, ready to be asked, in an environment of its own."""
    home = folder / "feast"
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, home], check=True)
    subprocess.run(["uv", "pip", "install", "-q", "--python", home / "bin" / "python", FEAST], check=True)
    script = folder / "peer.py"
    script.write_text(PEER)
    told = [str(home / "bin" / "python"), str(script), str(folder), str(ENTITIES), json.dumps(list(FEATURES))]
    started = subprocess.Popen(
        told,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"FEAST_USAGE": "False", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    assert started.stdout is not None
    while "ready" not in (line := started.stdout.readline()):
        assert line or started.poll() is None, "Feast did not start"
    return started


def ask(process: subprocess.Popen[str], entities: list[int]) -> list[float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(entities) + "\n")
    process.stdin.flush()
    found: list[float] = json.loads(process.stdout.readline())
    return found


def quantiles(took: list[float]) -> dict[str, float]:
    return {
        "p50": round(statistics.median(took), 1),
        "p95": round(float(np.quantile(took, 0.95)), 1),
        "p99": round(float(np.quantile(took, 0.99)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-feast", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events(folder)
        definition = online.define("tx", VIEW, SOURCE)
        origins = Origins(folder, {"tx": SOURCE}, load_plugins(None, Report(), allow=[]).readers)
        began, cpu = time.perf_counter(), time.process_time()
        online.materialize(origins, definition, "online", END)
        whole = {"wall_s": round(time.perf_counter() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        began, cpu = time.perf_counter(), time.process_time()
        online.materialize(origins, definition, "online", END)
        again = {"wall_s": round(time.perf_counter() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        size = sum(path.stat().st_size for path in (folder / "online").iterdir())
        plan = online.plan(definition, list(FEATURES))
        process = None if options.no_feast else peer(folder)
        ours: list[list[float]] = []
        theirs: list[list[float]] = []
        store = online.Events.find(definition, folder, "online")
        assert store is not None
        with store:
            reading(store, plan, rng.integers(0, ENTITIES, 200).tolist())
            if process is not None:
                ask(process, rng.integers(0, ENTITIES, 20).tolist())
            for _ in range(options.rounds):
                asked = rng.integers(0, ENTITIES, READS).tolist()
                ours.append(reading(store, plan, asked))
                if process is not None:
                    theirs.append(ask(process, asked[: READS // 4]))
            hot = reading(store, plan, list(range(20)) * 20)
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        p50 = statistics.median(statistics.median(took) for took in ours)
        result: dict[str, Any] = {
            "events": EVENTS,
            "features": len(FEATURES),
            "materialize_all": whole,
            "materialize_nothing_changed": again,
            "megabytes": round(size / 1e6, 1),
            "read_us": quantiles([value for took in ours for value in took]),
            "read_us_p50_by_round": [round(statistics.median(took), 1) for took in ours],
            "read_us_20_hottest": quantiles(hot),
            "goal_us": GOAL_US,
            "within": p50 < GOAL_US,
        }
        if theirs:
            peer_p50 = statistics.median(statistics.median(took) for took in theirs)
            result["feast_us"] = quantiles([value for took in theirs for value in took])
            result["times_faster_than_feast"] = round(peer_p50 / p50, 1)
            result["within"] = result["within"] and peer_p50 / p50 >= GOAL_TIMES
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
