"""A project whose search and backfill Dask takes: trials that wait as they are told, and a source that is held while a file stands."""

import csv
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from headrace.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import search_plugin

SPECS = """
kind: project
name: shop
language: 1
---
kind: environment
name: dev
runner: {dask: RUNNER}
---
kind: source
name: customers
uri: customers.csv
columns: {customer_id: {type: int64}, seen_at: {type: timestamp}, age: {type: int64}, left: {type: int64}}
---
kind: feature_view
name: customer
from: source/customers
entity: customer_id
time: seen_at
features: {age: {column: age}}
---
kind: source
name: sales
python: "sales:rows"
columns: {customer_id: {type: int64}, at: {type: timestamp}, amount: {type: float}}
---
kind: feature_view
name: basket
from: source/sales
entity: customer_id
time: at
online: {}
features: {spend: {sum: amount, over: 7d, empty: 0}}
---
kind: model
name: churn
features:
  entity: customer_id
  time: seen_at
  target: {column: left, delay: 30d}
  rows: source/customers
  use: {customer: all, basket: all}
training:
  algorithm: odd
  params: {mark: "MARK"}
  cv: {by: stratified, folds: 2}
  tune:
    trials: 4
    timeout: 4m
    maximize: roc_auc
    space: {do: {choice: [answer, wait-once]}, level: {choice: [0.3, 0.9]}}
    sampler: {by: grid}
gates:
  - {id: quality, metric: roc_auc, min: 0.5}
"""

SALES = '''
import os, time
from pathlib import Path
import pandas as pd

DAYS, A_DAY = 60, 2500
HERE = Path(__file__).parent

def rows():
    """The first who asks is told at once; others wait while `hold` stands."""
    calls = HERE / "calls"
    first = not calls.exists()
    with calls.open("a") as file:
        file.write(f"{os.getpid()}\\\\n")
    while not first and (HERE / "hold").exists():
        time.sleep(0.05)
    days = pd.Series(range(DAYS)).repeat(A_DAY).reset_index(drop=True)
    who = pd.Series(range(DAYS * A_DAY)) % A_DAY
    at = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(days, unit="D") + pd.to_timedelta(who, unit="s")
    return pd.DataFrame({"customer_id": who, "at": at, "amount": days.astype(float)})
'''
DAYS, A_DAY = 60, 2500

TUNE = '''
"""The tasks of the flow up to the search."""
import json, sys
sys.path.insert(0, "flows")
import churn
if __name__ == "__main__":
    print(json.dumps(churn.tune(churn.features.fn(None, None)).to_json()))
'''


def make(root: Path, runner: str) -> Path:
    """Its specs, its data, and what they compile to."""
    (root / "specs").mkdir()
    mark = root / "mark"
    (root / "specs" / "shop.yaml").write_text(SPECS.replace("RUNNER", runner).replace("MARK", str(mark)), encoding="utf-8")
    (root / "sales.py").write_text(SALES.replace("\\\\", "\\"), encoding="utf-8")
    (root / "tune.py").write_text(TUNE, encoding="utf-8")
    search_plugin.install(root)
    chance = Random(7)
    with (root / "customers.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["customer_id", "seen_at", "age", "left"])
        for customer in range(200):
            age = chance.randrange(18, 80)
            at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=customer)
            out.writerow([customer, at.isoformat(), age, int(chance.random() < age / 100)])
    with suppress(SystemExit):
        main(["compile", "--root", str(root)])
    assert (root / "flows" / "backfill_.py").is_file()
    return mark
