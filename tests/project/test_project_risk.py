"""A model's risk is what was declared, or what is known of it, whichever is more."""

from pathlib import Path

import pytest

from headrace import project
from headrace.diagnostics import Report
from headrace.project.risk import risk

BASE = """
kind: project
name: p
language: 1
---
kind: environment
name: dev
production: PRODUCTION
---
kind: source
name: people
uri: people.csv
columns: {id: {type: int64}, age: {type: float PERSONAL}, seen: {type: timestamp}, left: {type: int64}}
---
kind: feature_view
name: person
from: people
entity: id
time: seen
features: {old: {VIEW}}
---
kind: model
name: m
features: {entity: id, time: seen, target: {column: left, delay: 30d}, rows: people, use: {person: all}}
training: {algorithm: sklearn.logistic_regression}
gates: [{id: quality, metric: roc_auc, min: 0.7}]
serving: {traffic: TRAFFIC/d}
governance: {RISK}
"""
USUAL = {"PRODUCTION": "false", "PERSONAL": "", "VIEW": "column: age", "TRAFFIC": "100", "RISK": ""}


def told(folder: Path, **said: str) -> tuple[str, list[str]]:
    text = BASE
    for word, value in (USUAL | said).items():
        text = text.replace(word, value)
    (folder / "specs").mkdir()
    (folder / "specs" / "a.yaml").write_text(text)
    report = Report()
    loaded = project.load(folder, report)
    assert loaded is not None, report
    (model,) = loaded.models
    found = risk(loaded.scope, model, loaded.environment)
    return found.tier, [factor.name for factor in found.factors]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ("low", [])),
        ({"RISK": "risk: medium"}, ("medium", [])),
        ({"PERSONAL": ", personal: true"}, ("medium", ["personal inputs"])),
        ({"PERSONAL": ", personal: true", "RISK": "risk: low"}, ("medium", ["personal inputs"])),
        ({"PERSONAL": ", personal: true", "RISK": "risk: high"}, ("high", ["personal inputs"])),
        ({"PERSONAL": ", personal: true", "PRODUCTION": "true"}, ("high", ["personal inputs"])),
        ({"PERSONAL": ", personal: true", "VIEW": 'count: rows, over: 7d, where: "age > 18"'}, ("medium", ["personal inputs"])),
        ({"TRAFFIC": "200000"}, ("low", [])),
        ({"TRAFFIC": "200000", "PRODUCTION": "true"}, ("medium", ["traffic"])),
    ],
)
def test_what_is_known_raises_what_was_declared_and_lowers_nothing(
    tmp_path: Path, said: dict[str, str], expected: tuple[str, list[str]]
) -> None:
    assert expected == told(tmp_path, **said)
