"""One whole life of a model through a real Prefect server and worker, by the command line alone."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "local"))

from shop import SPECS, row, write
from up_process import free_port, headrace, running, survivors, until

pytestmark = [pytest.mark.slow, pytest.mark.prefect, pytest.mark.timeout(600)]

LATER = 2500


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    chance = random.Random(3)
    (tmp_path / "data").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS.replace("PORT", str(free_port())), encoding="utf-8")
    later = [row(10_000 + i, 2016, chance) for i in range(LATER)]
    write(tmp_path / "data" / "visits.csv", [row(i, 2015, chance) for i in range(3000)])
    write(tmp_path / "data" / "later.csv", later, "bought")
    write(tmp_path / "data" / "answers.csv", later, "code", "region", "pages", "hour", "year")
    return tmp_path


def told(root: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of a command that must end well."""
    done = headrace(root, *arguments, "--json", timeout=500)
    assert 0 == done.returncode, f"{arguments}\n{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def predict(url: str) -> int:
    """Which version answers a request now."""
    body = json.dumps({"visit": 1, "code": "a", "region": "north", "pages": 5.0, "hour": 12.0}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        version: int = json.loads(answer.read())["version"]
        return version


def journal(root: Path) -> tuple[int, int, int]:
    """Requests in the journal, entities among them, answers."""
    with sqlite3.connect(f"file:{root}/.headrace/state.db?mode=ro", uri=True) as database:
        counts = database.execute("select count(*), count(distinct entity), (select count(*) from outcome) from prediction")
        found: tuple[int, int, int] = counts.fetchone()
    return found


def assert_lived(root: Path, summary: dict[str, Any]) -> None:
    happened = {"trainings": 2, "rejections": 0, "retrainings": 1, "promotions": 2, "rollbacks": 0, "alerts": 1, "alerts_injected": 1}
    assert happened == {name: summary["happened"][name] for name in happened}
    assert [
        "version 1 trained",
        "version 1 passed its gates",
        "version 1 promoted to champion",
        "alert degraded fired",
        "version 2 trained",
        "version 2 passed its gates",
        "canary of version 2 began",
        "version 2 promoted to champion",
        "alert degraded resolved",
    ] == [entry["text"] for entry in summary["timeline"] if not entry["text"].startswith("retraining requested")]
    assert [("degraded", "injected", ["recoded"])] == [(item["rule"], item["cause"], item["incidents"]) for item in summary["alerts"]]
    counts = summary["counts"]
    assert (LATER, {"train": 1, "roll_out": 1, "monitor": 2}) == (counts["requests"], counts["runs"])
    assert {"champion", "candidate"} == set(counts["journalled"])
    assert (LATER, LATER, counts["answers"]) == journal(root)
    assert all(item["met"] for item in summary["expectations"])
    assert summary == json.loads((root / ".headrace" / "reports" / "one-year.json").read_text(encoding="utf-8"))
    fired = [json.loads(line) for line in (root / ".headrace" / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(fired) >= 1


def test_a_model_lives_from_its_first_version_to_a_rollback(root: Path) -> None:
    with running(root) as up:
        up.has("prefect-server", "prefect-worker")
        assert [] == told(root, "apply", "--no-train")["runs"]
        assert told(root, "plan")["empty"]
        children = up.has("serve-buys", "prefect-server", "prefect-worker")
        assert_lived(root, told(root, "replay", "one-year"))

        model = told(root, "status")["models"][0]
        assert ({"champion": 2, "previous": 1}, "active", [], []) == (
            model["aliases"],
            model["rollout"]["state"],
            model["firing"],
            model["unanswered"],
        )
        url = up.told()["servers"]["buys"]
        assert 2 == predict(url)
        said = told(root, "rollback", "--reason", "complaints")
        assert {"environment": "dev", "model": "buys", "champion": 1, "was": 2, "canary": None} == said
        until(lambda: predict(url) == 1, 5, "version 1 answers again")

        assert children == up.told()["children"], "no child had to be started again"
        assert 0 == up.interrupt(), up.said()
        assert [] == survivors(root, [up.process.pid, *children.values()])
        assert {} == up.told()
