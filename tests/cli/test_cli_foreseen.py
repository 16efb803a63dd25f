"""`headrace plan` says how soon each rollout would decide; what was simulated once is told again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_cli_simulate import ROLLOUT, SPECS

from headrace.cli import foreseen, main
from headrace.rollout import expected


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / ".headrace").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS + ROLLOUT, encoding="utf-8")
    (tmp_path / "people.csv").write_text("person_id,age,joined,employed\n1,40,2026-01-01T00:00:00Z,1\n", encoding="utf-8")
    return tmp_path


def planned(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["plan", "--root", str(root), *arguments])
    told = capsys.readouterr()
    assert not end.value.code, told.err
    return told.out


def forecast(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (found,) = json.loads(planned(root, capsys, "--json"))["forecasts"]
    return found


def test_a_plan_says_how_soon_harm_is_found_and_how_often_it_errs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = forecast(root, capsys)
    assert ("work", True, {"error_rate": 0.01}) == (found["model"], found["enough"], found["expected"]["rates"])
    out = planned(root, capsys)
    assert "      400 simulated rollouts of each candidate, where the champion's rates are error_rate 1% (assumed):\n" in out
    assert "      2x error_rate is rolled back for harm in " in out
    assert " of 5% allowed, false promotion " in out


def test_a_rollout_is_simulated_once(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    simulated = expected.expected
    monkeypatch.setattr(expected, "expected", lambda *given: asked.append(given) or simulated(*given))
    first = forecast(root, capsys)
    assert (first, 1) == (forecast(root, capsys), len(asked))
    place = root / "specs" / "shop.yaml"
    place.write_text(place.read_text(encoding="utf-8").replace("20000/d", "10000/d"), encoding="utf-8")
    assert first != forecast(root, capsys)
    assert 2 == len(asked)


def test_a_torn_answer_is_found_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = forecast(root, capsys)
    (kept,) = (root / ".headrace" / "cache").glob("forecast-*.json")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert first == forecast(root, capsys)
    told = json.loads(kept.read_text(encoding="utf-8"))
    told["asked"]["rollout"]["per_day"], told["expected"]["runs"] = 1.0, 3
    kept.write_text(json.dumps(told), encoding="utf-8")
    assert first == forecast(root, capsys)


def test_a_plan_of_many_rollouts_simulates_some_and_the_next_plan_others(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseen, "_MOST", 0)
    assert forecast(root, capsys)["expected"] is None
    monkeypatch.setattr(foreseen, "_MOST", 1)
    first = forecast(root, capsys)["expected"]
    assert first is not None
    monkeypatch.setattr(foreseen, "_MOST", 0)
    assert first == forecast(root, capsys)["expected"]
