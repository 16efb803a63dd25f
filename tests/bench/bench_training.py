"""CPU seconds of a training run by the compiled flow's own steps, beside LightGBM called by hand on the same rows, in one run.

    python tests/bench/bench_training.py [--trees 200] [--runs 3]

The rows are the census of the reference project; the run reads the source and the journal, keeps the rows, trains, evaluates every metric,
keeps reference and profile, and registers. By hand: the same rows are read, a model is fitted with the same parameters and judged by one
metric. Each figure is of a whole process, its imports too. No Prefect server takes part. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from peers import ROOT, least, taken

PYTHON = sys.executable
MODEL = """\
kind: model
name: employment
owner: bench
features:
  entity: person_id
  time: surveyed_at
  target: {column: employed, delay: 30d}
  rows: source/census
  use: {person: all}
training:
  algorithm: lightgbm.classifier
  params: {n_estimators: TREES, learning_rate: 0.05, num_leaves: 31}
  split: {by: random, holdout: 20%, stratify: target}
  seed: 7
gates:
  - {id: quality, metric: roc_auc, min: 0.5}
serving: {port: 8080}
"""

RUN = """
import os, sys
sys.path.insert(0, sys.argv[1] + "/flows")
os.chdir(sys.argv[1])
import employment
rows = employment.features.fn(None, None)
made = employment.training.fn(rows)
verdict = employment.gates.fn(made)
import json
print(json.dumps({"digest": rows.digest, "rows": rows.train, "roc_auc": round(made.metrics["roc_auc"], 4)}))
"""

BY_HAND = """
import json, sys
import lightgbm
import pandas as pd
from sklearn.metrics import roc_auc_score
frame = pd.read_parquet(sys.argv[1])
inputs = [name for name in frame.columns if name not in ("person_id", "surveyed_at", "employed", "side", "origin")]
frame = frame.astype({name: "category" for name in inputs if frame[name].dtype == object})
train, held = frame[frame["side"] == "train"], frame[frame["side"] == "holdout"]
model = lightgbm.LGBMClassifier(n_estimators=int(sys.argv[2]), learning_rate=0.05, num_leaves=31, n_jobs=1, random_state=7, verbose=-1)
model.fit(train[inputs], train["employed"])
auc = roc_auc_score(held["employed"], model.predict_proba(held[inputs])[:, 1])
print(json.dumps({"rows": len(train), "roc_auc": round(auc, 4)}))
"""


def made(folder: Path, trees: int) -> Path:
    """A compiled project that trains the reference model."""
    (folder / "specs").mkdir(parents=True)
    for name in ("headrace.yaml", "sources.yaml", "features.yaml"):
        shutil.copy(ROOT / "specs" / name, folder / "specs" / name)
    (folder / "specs" / "employment.yaml").write_text(MODEL.replace("TREES", str(trees)), encoding="utf-8")
    subprocess.run([PYTHON, "-m", "headrace", "compile", "--root", folder], check=True, capture_output=True)
    return folder


def kept(folder: Path, digest: str) -> Path:
    """The file of the rows."""
    return next(
        path for path in (folder / ".headrace" / "blobs").rglob("*") if path.is_file() and digest.removeprefix("sha256:")[4:] in path.name
    )


def measured(runs: int, trees: int) -> dict[str, Any]:
    """Both, and what the framework costs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = made(Path(temporary) / "project", trees)
        scripts = {"run.py": RUN, "by_hand.py": BY_HAND}
        for name, text in scripts.items():
            (Path(temporary) / name).write_text(text, encoding="utf-8")
        found = [taken([PYTHON, Path(temporary) / "run.py", folder]) for _ in range(runs)]
        ours = min(found, key=lambda one: one["cpu_seconds"])
        by_hand = least([PYTHON, Path(temporary) / "by_hand.py", kept(folder, ours["digest"]), str(trees)], runs)
    more = round(ours["cpu_seconds"] - by_hand["cpu_seconds"], 2)
    allowed = round(0.1 * by_hand["cpu_seconds"] + 2, 2)
    return {"headrace": ours, "by hand": by_hand, "overhead": {"cpu_seconds": more, "allowed": allowed, "kept": more <= allowed}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trees", type=int, default=200, help="200 are those of the reference project")
    given = parser.parse_args()
    print(json.dumps(measured(given.runs, given.trees), indent=2))


if __name__ == "__main__":
    main()
