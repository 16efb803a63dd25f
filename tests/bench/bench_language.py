"""CPU seconds and peak memory of validate, compile and plan on many generated models, beside `dbt parse` where it is installed.

    python tests/bench/bench_language.py [--models 1000 10000] [--runs 3] [--dbt PATH_OF_A_DBT_COMMAND]

Each model is a file of 50 lines that uses every section. Prints JSON.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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


def dbt_project(folder: Path, models: int) -> Path:
    """A dbt project of so many models, each a line of SQL in a file of its own, ten described in each YAML file."""
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: many\nversion: '1.0'\nprofile: many\nmodel-paths: [models]\n", encoding="utf-8")
    (folder / "profiles.yml").write_text("many:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: many.duckdb}\n", encoding="utf-8")
    for number in range(models):
        before = f"select id from {{{{ ref('model_{number - 1:05}') }}}}" if number else "select 1 as id"  # noqa: S608 - a template of dbt
        (folder / "models" / f"model_{number:05}.sql").write_text(f"{before}\n", encoding="utf-8")
    for first in range(0, models, 10):
        described = "".join(DBT_MODEL.replace("NUMBER", f"{number:05}") for number in range(first, min(first + 10, models)))
        (folder / "models" / f"models_{first:05}.yml").write_text(f"version: 2\nmodels:\n{described}", encoding="utf-8")
    return folder


def record(root: Path) -> None:
    """Let the store hold the project as applied; the compiled files stand already, and Prefect is away, as it is when the plan is made."""
    from headrace.apply.execute import Work, execute
    from headrace.apply.record import Journal
    from headrace.apply.stages import Record
    from headrace.cli.plan import make_plan, open_store, read_intent
    from headrace.plan import Selection
    from headrace.plan.state import read
    from headrace.testing.prefect import MemoryDoor

    intent = read_intent(root, None)
    with open_store(intent.project, intent.root) as store:
        made = make_plan(intent, read(store, intent.root, intent.project), None, Selection())
        door = MemoryDoor(intent.project.project.name)
        journal = Journal(store, "user:bench")
        work = Work(made.project, made.plan, made.wanted, made.outputs, intent.root, door, journal, train=False)  # type: ignore[arg-type]
        execute(work, (Record(),), lambda *_: None)


DBT_MODEL = """\
  - name: model_NUMBER
    description: Is this person employed?
    columns:
      - name: id
        description: The person.
        data_tests: [unique, not_null]
"""


def taken(command: list[str], cwd: Path, runs: int = 1, ends: tuple[int, ...] = (0, 2)) -> dict[str, float]:
    """The least user and system seconds of a whole process in some runs, and the peak of its memory."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PREFECT_API_URL")}
    env |= {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    found = []
    for _ in range(runs):
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(["/usr/bin/env", *command], cwd=cwd, stdout=said, stderr=said, env=env)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in ends:
                said.seek(0)
                sys.exit(f"{command} ended with {process.returncode}:\n{said.read().decode()[-4000:]}")
        found.append((used.ru_utime + used.ru_stime, used.ru_maxrss // 1024))
    return {"cpu_seconds": round(min(cpu for cpu, _ in found), 2), "peak_mb": max(peak for _, peak in found)}


def measured(root: Path, runs: int) -> dict[str, dict[str, float]]:
    """Every command on one project; those that write are measured once, on a folder without what they write."""
    headrace = [PYTHON, "-m", "headrace"]
    validate = [*headrace, "validate", "--root", str(root)]
    found = {"validate": taken([*validate, "--no-cache"], root, runs)}
    found["validate, and remember it"] = taken(validate, root)
    found["validate, nothing changed"] = taken(validate, root, runs)
    found["compile"] = taken([*headrace, "compile", "--root", str(root)], root)
    found["compile --check"] = taken([*headrace, "compile", "--check", "--root", str(root)], root, runs)
    subprocess.run([PYTHON, __file__, "--record", str(root)], check=True)
    found["plan, nothing changed"] = taken([*headrace, "plan", "--root", str(root)], root, runs)
    taken(validate, root)  # once more: the folder of the flows is new, and could hold modules
    file = root / "specs" / "model_00000.yaml"
    changed = []
    for number in range(runs):
        text = file.read_text(encoding="utf-8").replace("learning_rate: 0.05", f"learning_rate: 0.05{number + 1}")
        file.write_text(text, encoding="utf-8")
        changed.append(taken([*validate, str(file)], root))
    found["validate FILE, one model changed"] = min(changed, key=lambda one: one["cpu_seconds"])
    file.write_text(file.read_text(encoding="utf-8").replace("seed: 7", "sead: 7"), encoding="utf-8")
    found["validate FILE, one model broken"] = taken([*validate, str(file)], root, runs, ends=(3,))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dbt", type=Path, help="The command of a dbt-core with dbt-duckdb, to be measured beside it.")
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.record is not None:
        record(arguments.record)
        return
    told: dict[str, Any] = {"headrace --version": taken([PYTHON, "-m", "headrace", "--version"], ROOT, arguments.runs)}
    told["validate, the reference project"] = taken([PYTHON, "-m", "headrace", "validate", "--root", str(ROOT)], ROOT, arguments.runs)
    with tempfile.TemporaryDirectory() as folder:
        for number in arguments.models:
            root = made(Path(folder) / str(number), number)
            told[f"{number} models"] = measured(root, arguments.runs)
            if arguments.dbt is not None and number == arguments.models[0]:
                other = dbt_project(Path(folder) / "dbt", number)
                command = [str(arguments.dbt), "--no-partial-parse", "parse", "--profiles-dir", str(other)]
                told[f"dbt parse, {number} models"] = beside = taken(command, other, arguments.runs)
                ours = told[f"{number} models"]["validate"]
                told["dbt parse / validate"] = round(beside["cpu_seconds"] / ours["cpu_seconds"], 1)
    if len(arguments.models) > 1:
        first, last = (told[f"{number} models"] for number in (arguments.models[0], arguments.models[-1]))
        told["times"] = {name: round(last[name]["cpu_seconds"] / first[name]["cpu_seconds"], 1) for name in first}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
