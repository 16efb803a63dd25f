"""`headrace simulate rollout`: a declared rollout is tried on made-up traffic, with its bounds; wrong words are told in their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli import main
from headrace.diagnostics import Exit

SPECS = """\
kind: project
name: shop
language: 1
---
kind: environment
name: dev
---
kind: source
name: people
uri: people.csv
columns: {person_id: {type: int64}, age: {type: float}, joined: {type: timestamp}, employed: {type: int64}}
---
kind: feature_view
name: person
from: source/people
entity: person_id
time: joined
features: {age: {column: age}}
---
kind: model
name: work
features:
  entity: person_id
  time: joined
  rows: source/people
  target: {column: employed, delay: 1d}
  use: {person: all}
training: {algorithm: lightgbm.classifier}
gates: [{id: quality, metric: roc_auc, min: 0.6}]
"""
ROLLOUT = """\
serving: {traffic: 20000/d}
rollout:
  strategy: canary
  unit: person_id
  steps: [{weight: 10%, hold: 6h}, {weight: 50%, hold: 12h}]
  judge: [{metric: error_rate, promote_below: 2x, negligible: 0.5%, ceiling: 2%}]
  when_undecided: hold
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS + ROLLOUT, encoding="utf-8")
    return tmp_path


def simulated(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["simulate", "rollout", *arguments, "--root", str(root)])
    told = capsys.readouterr()
    return int(end.value.code or 0), told.out, told.err


def answered(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> dict[str, Any]:
    code, out, _ = simulated(capsys, root, "work", "--runs", "200", "--json", *arguments)
    return {"code": code, **json.loads(out)}


def test_usual_candidates_are_tried_and_the_bounds_of_the_spec_are_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(capsys, root)
    ends = {one["name"]: one["ends"] for one in told["candidates"]}
    assert (0, True, ["error_rate"], 20_000) == (told["code"], told["kept"], told["assumed"], told["traffic_per_day"])
    assert ["as good", "as good, rates change threefold", "error_rate at its margin", "error_rate five times", "error_rate 50%"] == list(
        ends
    )
    assert ends["error_rate 50%"]["harmful"] == 1.0
    assert ends["as good"]["promoted"] > 0.5
    for one in told["candidates"]:
        assert sum(one["ends"].values()) == pytest.approx(1.0)
        assert one["bound"]["low"] <= one["bound"]["measured"] <= one["bound"]["high"]


def test_rates_that_are_said_are_those_that_are_met(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(capsys, root, "--base", "error_rate=0.5%..1%", "--candidate", "error_rate=1.5x", "--traffic", "1000/h")
    (one,) = told["candidates"]
    assert ("error_rate=1.5x", None, [], 24_000) == (one["name"], one["bound"], told["assumed"], told["traffic_per_day"])
    assert one["rates"] == {"error_rate": {"champion": [0.005, 0.01], "candidate": [0.0075, 0.015]}}
    own = answered(capsys, root, "--candidate", "error_rate=1%", "--every", "200")["candidates"][0]
    assert ([0.01, 0.01], "false_rollback") == (own["rates"]["error_rate"]["candidate"], own["bound"]["error"])


def test_failures_that_come_together_break_a_bound_and_that_is_exit_4(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ("--candidate", "error_rate=1x", "--cluster", "40", "--icc", "90%")
    told = answered(capsys, root, *more)
    assert (Exit.REFUSED, False) == (told["code"], told["kept"])
    code, out, err = simulated(capsys, root, "model/work", "--runs", "200", *more)
    assert (Exit.REFUSED, True, True) == (code, "5% allowed: NOT KEPT" in out, "1 of 1: error_rate=1x" in err)


def test_the_text_says_what_was_assumed_and_how_each_candidate_ends(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = simulated(capsys, root, "work", "--runs", "100", "--candidate", "error_rate=50%")
    lines = out.splitlines()
    assert lines[:3] == [
        "model/work: 10% → 50% in 18h, 20,000 requests a day",
        "100 rollouts of each candidate, seed 1",
        "the champion's rates: error_rate 1% (assumed)",
    ]
    assert ["error_rate=50%", "0.0%", "100.0%", "0.0%", "0.0%", "0.0%"] == lines[5].split()[:6]
    assert "false promotion (error_rate=50%): 0.00%" in out
    _, drifting, _ = simulated(capsys, root, "work", "--runs", "100", "--candidate", "error_rate=1x", "--base", "error_rate=1%..0.5%")
    assert "error_rate 1% to 0.5%\n" in drifting


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("wrok",), "did you mean `work`"),
        (("work", "--base", "error_rate"), "not of the form METRIC=VALUE"),
        (("work", "--base", "slow=1%"), "is not judged by `slow`, but by error_rate"),
        (("work", "--base", "error_rate=0.01"), "no percentage"),
        (("work", "--candidate", "error_rate=2"), "no ratio"),
        (("work", "--candidate", "error_rate=200%"), "more than all"),
        (("work", "--icc", "100%"), "less than that"),
        (("work", "--traffic", "1000"), "no rate"),
    ],
)
def test_a_wrong_word_ends_with_64_and_says_what_to_write(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = simulated(capsys, root, *arguments)
    assert (Exit.USAGE, True) == (code, told in err), err


def test_a_model_without_traffic_or_rollout_is_told_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = root / "specs" / "shop.yaml"
    place.write_text((SPECS + ROLLOUT).replace("serving: {traffic: 20000/d}\n", ""), encoding="utf-8")
    code, _, err = simulated(capsys, root, "work")
    assert (Exit.USAGE, True) == (code, "error[no-traffic]" in err)
    place.write_text(SPECS, encoding="utf-8")
    code, _, err = simulated(capsys, root, "work")
    assert (Exit.REFUSED, True) == (code, "error[no-rollout]" in err)


def test_a_rollout_that_is_judged_by_answers_is_not_simulated_and_told_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = root / "specs" / "shop.yaml"
    place.write_text((SPECS + ROLLOUT).replace("metric: error_rate", "metric: output_shift, limit: 0.5", 1), encoding="utf-8")
    code, _, err = simulated(capsys, root, "work")
    assert (Exit.REFUSED, True) == (code, "error[not-simulated]" in err), err
