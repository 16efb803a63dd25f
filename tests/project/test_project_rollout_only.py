"""A rollout for some and an experiment for everybody do not go together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headrace import project
from headrace.diagnostics import Report

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"
EXPERIMENT = """
experiment:
  arms: {champion: 50%, candidate: 50%}
  unit: person_id
  primary: {metric: accuracy, detect: 10pp}
  for: 365d
"""


@pytest.mark.parametrize(("only", "experiment", "faults"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_an_experiment_follows_a_rollout_for_all_alone(tmp_path: Path, *, only: bool, experiment: bool, faults: int) -> None:
    shutil.copytree(REFERENCE, tmp_path / "specs")
    path = tmp_path / "specs" / "employment.yaml"
    text = path.read_text(encoding="utf-8") + (EXPERIMENT if experiment else "")
    if only:
        text = text.replace("  unit: person_id ", '  only: {disability: ["1"]}\n  unit: person_id ', 1)
    path.write_text(text, encoding="utf-8")
    report = Report()
    project.load(tmp_path, report)
    assert ["rollout-only"] * faults == [fault.id for fault in report.errors]
