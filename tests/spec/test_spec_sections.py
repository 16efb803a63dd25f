"""A key that belongs in another section is told, and moved by nobody but its writer."""

from __future__ import annotations

import pytest

from headrace.diagnostics import Diagnostic, Report
from headrace.document import parse
from headrace.spec.decode import decode

MODEL = """\
kind: model
name: work
features: {entity: a, time: t, target: {column: y, delay: 30d}, rows: source/people, use: {person: all}}
training:
  algorithm: sklearn.logistic_regression
serving:
  traffic: 12000/d
monitoring:
  window: {rows: 2000}
gates: [{id: a, metric: roc_auc, min: 0.8}]
"""
GATES = MODEL.splitlines(keepends=True)[-1]


def told(text: str) -> list[Diagnostic]:
    report = Report(texts={"a.yaml": text})
    decode(parse(text, "a.yaml", report)[0], report)
    return report.found


@pytest.mark.parametrize("section", ["training", "monitoring"])
def test_a_move_to_another_section_is_left_to_its_writer(section: str) -> None:
    (fault,) = told(MODEL.replace(f"{section}:\n", f"{section}:\n  port: 8081\n"))
    assert ("misplaced-key", "move it to `serving`", False, True) == (fault.id, fault.help, fault.certain, bool(fault.edits))


def test_a_move_to_the_level_above_is_made() -> None:
    (fault,) = told(MODEL.replace(GATES, "").replace("traffic: 12000/d\n", f"traffic: 12000/d\n  {GATES}"))
    assert ("misplaced-key", True) == (fault.id, fault.certain)


@pytest.mark.parametrize("key", ["schedule: 0 6 * * *", "cooldown: 7d", "severity: critical", "holdout: 20%"])
def test_a_key_is_sent_to_no_section_where_it_means_something_else(key: str) -> None:
    faults = told(MODEL.replace("serving:\n", f"serving:\n  {key}\n"))
    assert ["unknown-key"] == [fault.id for fault in faults]
