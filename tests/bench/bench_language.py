"""CPU seconds and peak memory of validate, compile and plan on many generated models, beside `dbt parse` where it is installed.

    python tests/bench/bench_language.py [--models 1000] [--dbt PATH_OF_A_DBT_COMMAND]

Each model is a file of 50 lines that uses every section. Prints JSON.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable


def made(folder: Path, models: int) -> Path:
    """A project of so many models, each of 50 lines in a file of its own."""
    specs = folder / "specs"
    specs.mkdir(parents=True)
    for name in ("headrace.yaml", "sources.yaml", "features.yaml", "channels.yaml"):
        shutil.copy(ROOT / "specs" / name, specs / name)
    for number in range(models):
        (specs / f"model_{number:05}.yaml").write_text(
            MODEL.replace("NUMBER", f"{number:05}").replace("PORT", str(10000 + number)), encoding="utf-8"
        )
    return folder


MODEL = """\
kind: model
name: model_NUMBER
owner: labour-statistics
description: Is this person employed?
labels: {tier: critical, domain: labour}

features:
  entity: person_id
  time: surveyed_at
  target: {column: employed, delay: 30d}
  rows: source/census
  use: {person: all}

training:
  algorithm: lightgbm.classifier
  params:
    n_estimators: 200
    learning_rate: 0.05
    num_leaves: 31
  split: {by: random, holdout: 20%, stratify: target}
  seed: 7

gates:
  - {id: quality, metric: roc_auc, min: 0.85}
  - {id: champion, metric: roc_auc, versus: champion, worse_by_at_most: 0.005, confidence: 0.95, first: pass}
  - {id: fair, metric: equalized_odds_difference, by: sex, max: 0.12, min_group: 100}

serving:
  port: PORT
  traffic: 12000/d

rollout:
  strategy: canary
  unit: person_id
  steps:
    - {weight: 20%, hold: 7d}
    - {weight: 50%, hold: 7d}
  judge:
    - {metric: error_rate, promote_below: 2x, negligible: 2%, ceiling: 5%}
  false_rollback: 5%
  false_promotion: 5%

monitoring:
  window: {rows: 2000}
  every: 8w
  drift: {features: all, method: psi, effect: {warning: 0.1, critical: 0.25}}
  performance: {metric: roc_auc, estimate: cbpe}
  alerts:
    - {id: degraded, when: "performance.roc_auc < 0.86", severity: critical, notify: [channel/ml-log]}

retraining:
  - {id: degraded, when: "alert.degraded", cooldown: 84d, needs: {new_labels: 2000}}
"""


def taken(command: list[str], cwd: Path) -> dict[str, float]:
    """User and system seconds of a whole process, and the peak of its memory."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PREFECT_API_URL": ""}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["/usr/bin/env", *command], cwd=cwd, capture_output=True, text=True, env=env, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 2):
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {"cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made_in:
        root = made(Path(made_in) / "many", arguments.models)
        headrace = [PYTHON, "-m", "headrace"]
        told = {"models": arguments.models}
        for name, command in {"validate": ["validate"], "compile": ["compile"], "compile --check": ["compile", "--check"]}.items():
            told[name] = taken([*headrace, *command, "--root", str(root)], root)
        told["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
