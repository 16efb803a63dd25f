"""The examples of lapsing customers: from their data to a judged candidate, by what their READMEs say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LIFE = """
NAME = "{name}"
import importlib.util, json, sys
sys.path.insert(0, ".")
spec = importlib.util.spec_from_file_location("flows_" + NAME, "flows/" + NAME + ".py")
flows = importlib.util.module_from_spec(spec)
spec.loader.exec_module(flows)
rows = flows.features.fn(None, None)
candidate = flows.training.fn(rows)
verdict = flows.gates.fn(candidate)
counts = dict(rows=rows.rows, train=rows.train, repeated=rows.repeated)
print(json.dumps(dict(counts, metrics=candidate.metrics, passed=verdict.passed)))
"""


def run(root, *command):
    done = subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def lived(root, name, script, said, *models):
    """The life of an example's models in a copy of its own, up to their verdicts."""
    copy = root / name
    shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns("data", "flows", ".headrace"))
    assert said == run(copy, script)
    assert said in (copy / "README.md").read_text(encoding="utf-8")
    assert run(copy, "-m", "headrace", "validate") in (copy / "README.md").read_text(encoding="utf-8")
    run(copy, "-m", "headrace", "compile")
    return [json.loads(run(copy, "-c", LIFE.replace("{name}", model)).splitlines()[-1]) for model in models]


@pytest.mark.slow
def test_customers_of_discs(tmp_path):
    (found,) = lived(tmp_path, "cdnow", "prepare.py", "69,659 purchases, 94,280 questions\n", "lapse")
    assert (70_710, 47_140, 0, True) == (found["rows"], found["train"], found["repeated"], found["passed"])
    assert 0.82 < found["metrics"]["roc_auc"] < 0.85


@pytest.mark.slow
def test_households_of_a_grocer(tmp_path):
    found, spent = lived(tmp_path, "grocery", "questions.py", "20,738 questions, 13.6% lapsed\n", "lapse", "spend")
    assert (18_424, 13_793, 0, True) == (found["rows"], found["train"], found["repeated"], found["passed"])
    assert 0.84 < found["metrics"]["roc_auc"] < 0.88
    assert spent["passed"]
    assert 100 < spent["metrics"]["rmse"] < 120
