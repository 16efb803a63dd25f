#!/usr/bin/env python
"""The gates' CPU time on many held-out rows, by kind of gate and in all; prints JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2] / "framework"))

from headrace.builtin import headrace_gates, headrace_metrics
from headrace.gates import ByPlugin, Facts, Gate, Maximum, Minimum, NoWorse, Slice, decide

METRICS = {item.name: item for item in headrace_metrics()}
KINDS = {item.name: item for item in headrace_gates()}
BETTER = {name: item for name, item in METRICS.items() if "binary" in item.of and item.needs == "probability"}


def suite() -> list[Gate]:
    """Every metric of a yes or no against a number, proven; each test of pairs; slices, groups, and kinds that need no more than rows."""
    bounded: list[Gate] = [
        Minimum(name, name, min=-9, proven=True) if item.better == "higher" else Maximum(name, name, max=9, proven=True)
        for name, item in BETTER.items()
    ]
    groups: list[Gate] = [
        Minimum(name, name, min=-9, by=["sex", "race"]) if item.better == "higher" else Maximum(name, name, max=9, by=["sex", "race"])
        for name, item in METRICS.items()
        if item.needs == "groups"
    ]
    return [
        *bounded,
        *groups,
        Maximum("fast", "latency_p99", max=1),
        NoWorse("bootstrap", "roc_auc", versus="champion", worse_by_at_most=1),
        NoWorse("bootstrap-log-loss", "log_loss", versus="champion", worse_by_at_most=1),
        NoWorse("delong", "roc_auc", versus="champion", worse_by_at_most=1, test="delong"),
        NoWorse("mcnemar", "accuracy", versus="champion", worse_by_at_most=1, test="mcnemar"),
        Minimum("slices", "roc_auc", min=0, slices=[Slice(by="race"), Slice(by=["sex", "race"]), Slice(where="age >= 65 and sex == '1'")]),
        NoWorse("slices-versus", "roc_auc", versus="champion", worse_by_at_most=1, slices=[Slice(by="race")], test="delong"),
        ByPlugin("spread", "prediction_spread"),
        ByPlugin("changes", "decision_changes", {"max": "90%"}),
    ]


def facts(n: int) -> Facts:
    rng = np.random.default_rng(7)
    target = (rng.random(n) < 0.4).astype(float)
    said, other = (1 / (1 + np.exp(-(2 * (target - 0.5) + rng.normal(0, 1, n)))) for _ in range(2))
    rows = pd.DataFrame(
        {"age": rng.integers(18, 90, n).astype(float), "sex": rng.choice(["1", "2"], n), "race": rng.choice(list("abcde"), n)}
    )
    groups = {name: rows[name].to_numpy(dtype=object) for name in ("sex", "race")}
    return Facts(target, said, groups, {"champion": other}, rng.exponential(0.001, 400), rows=rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=70_000)
    given = facts(parser.parse_args().rows)
    took = {}
    for gate in suite():
        began = time.process_time()
        judged = decide(gate, given, METRICS, 7, KINDS)
        took[gate.id] = round(time.process_time() - began, 3)
        if not judged.passed:
            raise SystemExit(f"{gate.id}: {judged.reason}")
    print(json.dumps({"rows": len(given.target), "gates": len(took), "cpu_seconds": round(sum(took.values()), 2), "each": took}, indent=2))


if __name__ == "__main__":
    main()
