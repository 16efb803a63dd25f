"""`headrace simulate experiment`: a declared experiment is tried on made-up units; wrong words are told in their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli_simulate import SPECS

from headrace.cli import main
from headrace.diagnostics import Exit

EXPERIMENT = """\
serving: {traffic: 2000/d}
experiment:
  arms: {champion: 50%, candidate: 50%}
  unit: person_id
  primary: {metric: accuracy, detect: 3pp, baseline: 80%}
  guardrails: [{metric: error_rate, worse_by_at_most: 1pp}, {metric: latency_p99, worse_by_at_most: 10% relative}]
  looks: 1d
  for: 7d
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS + EXPERIMENT, encoding="utf-8")
    return tmp_path


def simulated(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["simulate", "experiment", "work", "--runs", "100", *arguments, "--root", str(root)])
    told = capsys.readouterr()
    return int(end.value.code or 0), told.out, told.err


def answered(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> dict[str, Any]:
    code, out, _ = simulated(capsys, root, "--json", *arguments)
    return {"code": code, **json.loads(out)}


def test_usual_candidates_are_tried_and_alpha_and_power_are_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(capsys, root)
    assert (0, True, ["latency_p99"], 7, 1.0) == (told["code"], told["kept"], told["left_out"], told["looks"], told["delay_days"])
    assert [
        "as good",
        "as good, accuracy drifts",
        "accuracy better by 3pp",
        "accuracy worse by 3pp",
        "error_rate worse by its margin",
    ] == [one["name"] for one in told["candidates"]]


def test_values_and_effects_that_are_said_are_those_that_are_met(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(
        capsys, root, "--base", "accuracy=60%..70%", "--candidate", "accuracy=+5% relative", "--candidate", "error_rate=-0.5pp",
        "--traffic", "6000/d", "--cluster", "3", "--icc", "10%", "--delay", "2d",
    )  # fmt: skip
    (one,) = told["candidates"]
    assert {"first": 0.6, "last": 0.7, "deviation": None, "better": "higher"} == told["champion"]["accuracy"]
    assert {"accuracy": pytest.approx(0.03), "error_rate": -0.005} == one["effect"]
    assert (2000.0, 2.0, None) == (told["units_per_day"], told["delay_days"], one["bound"])


def test_a_mean_is_met_with_its_deviation(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(capsys, root, "--base", "error_rate=31.5~12", "--candidate", "error_rate=+0.5")
    assert ({"error_rate": 0.5}, 12.0) == (told["candidates"][0]["effect"], told["champion"]["error_rate"]["deviation"])
    _, out, _ = simulated(capsys, root, "--base", "error_rate=31.5~12", "--candidate", "accuracy=+0pp")
    assert "error_rate 31.5 (deviation 12)" in out


def test_too_little_traffic_is_exit_4(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = simulated(capsys, root, "--traffic", "200/d", "--candidate", "accuracy=+3pp")
    assert (Exit.REFUSED, True, True) == (code, "of 80% asked: NOT KEPT" in out, "1 of 1: accuracy=+3pp" in err)
    assert "left out, since quantiles are not simulated: latency_p99\n" in out


def test_wrong_shares_are_invalid_and_test_no_chance(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(capsys, root, "--dealt", "candidate=40%", "--candidate", "accuracy=+3pp")
    assert {"champion": 0.6, "candidate": 0.4} == told["dealt"]
    assert (None, True) == (told["candidates"][0]["bound"], told["candidates"][0]["ends"]["invalid"] > 0.9)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--base", "accuracy"), "not of the form METRIC=VALUE"),
        (("--base", "latency_p99=1%"), "is not simulated, but accuracy and error_rate"),
        (("--base", "accuracy=0.8"), "no percentage"),
        (("--base", "accuracy=3~0"), "are all one"),
        (("--candidate", "accuracy=2pp"), "has no sign"),
        (("--candidate", "accuracy=+2"), "percentage points"),
        (("--dealt", "other=10%"), "the arms are champion, candidate"),
        (("--dealt", "candidate=90%", "--dealt", "champion=20%"), "together are 100%"),
        (("--icc", "100%"), "less than that"),
        (("--traffic", "1000"), "no rate"),
        (("--delay", "2"), "--delay"),
    ],
)
def test_a_wrong_word_ends_with_64_and_says_what_to_write(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = simulated(capsys, root, *arguments)
    assert (Exit.USAGE, True) == (code, told in err), err


def test_a_model_without_traffic_or_experiment_is_told_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = root / "specs" / "shop.yaml"
    place.write_text((SPECS + EXPERIMENT).replace("serving: {traffic: 2000/d}\n", ""), encoding="utf-8")
    code, _, err = simulated(capsys, root)
    assert (Exit.USAGE, True) == (code, "error[no-traffic]" in err)
    place.write_text(SPECS, encoding="utf-8")
    code, _, err = simulated(capsys, root)
    assert (Exit.REFUSED, True) == (code, "error[undeclared-experiment]" in err)
