#!/usr/bin/env python
"""The error rates and the speed of canaries and experiments, by seeded simulation; prints JSON.

Each row gives what was found, the bound that it must keep, and the simulation's own error: the 99 % limits of a rate (Clopper and
Pearson), or of a median (order statistics). A row of a rate is kept where its lower limit does not exceed the bound; a row of a number of
requests where the number itself does not. The exit code is 1 where a row is not kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "framework"))

import assignment
import canary
import judges
import shadow
from rows import Row

import experiment

TABLES = {
    "assignment": assignment.rows,
    "canary": canary.rows,
    "experiment": experiment.rows,
    "judges": judges.rows,
    "shadow": shadow.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--table", choices=sorted(TABLES), action="append")
    asked = parser.parse_args()
    kept = True
    for table in asked.table or sorted(TABLES):
        for row in TABLES[table](asked.runs, asked.seed):
            kept &= report(table, row)
    raise SystemExit(0 if kept else 1)


def report(table: str, row: Row) -> bool:
    print(json.dumps({"table": table, **row.shown()}), flush=True)
    return row.kept


if __name__ == "__main__":
    main()
