"""`headrace features`: events brought in, again and again, by one at a time, up to where the disk is full."""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headrace.cli import main
from headrace.store import Store, lock

START = datetime(2024, 1, 1, tzinfo=UTC)
SPECS = """
kind: project
name: shopping
language: 1
---
kind: source
name: sales
uri: sales.parquet
columns:
  household: {type: int64}
  at: {type: timestamp}
  amount: {type: float}
---
kind: source
name: asked
uri: asked.parquet
columns:
  household: {type: int64}
  asked_at: {type: timestamp}
  left: {type: int64}
---
kind: feature_view
name: basket
from: source/sales
entity: household
time: at
online: {fresh_within: 2d}
features:
  spend: {sum: amount, over: 7d, empty: 0}
  trips: {count: rows, over: 28d}
---
kind: model
name: lapse
description: who leaves
owner: growth
features:
  rows: source/asked
  entity: household
  time: asked_at
  target: {column: left, delay: 30d}
  use: {basket: all}
training:
  algorithm: sklearn.logistic_regression
  split: {by: random, holdout: 25%}
gates:
  - {id: quality, metric: roc_auc, min: 0.5}
"""


def sales(days: int = 40, shops: int = 5) -> pd.DataFrame:
    rows = [(shop, START + timedelta(days=day, hours=shop % 24), float(day)) for day in range(days) for shop in range(shops)]
    return pd.DataFrame(rows, columns=["household", "at", "amount"])


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "all.yaml").write_text(SPECS)
    sales().to_parquet(tmp_path / "sales.parquet")
    pd.DataFrame({"household": [1], "asked_at": [START], "left": [0]}).to_parquet(tmp_path / "asked.parquet")
    assert run(capsys, tmp_path, "compile")[0] == 0
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--root", str(root)])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


def brought(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> dict[str, Any]:
    code, out, err = run(capsys, root, "features", *arguments, "--json")
    assert code == 0, out + err
    (view,) = json.loads(out)["views"]
    return {key: value for key, value in view.items() if key != "watermark"}


def file_of(root: Path) -> Path:
    (found,) = (root / ".headrace" / "online" / "dev").glob("*.db")
    return found


def rows(root: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(file_of(root)) as con:
        return con.execute("SELECT entity, time, c0 FROM event ORDER BY 1, 2").fetchall()


def test_only_days_that_changed_are_brought_in_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest = (START + timedelta(days=39, hours=4)).isoformat()
    whole = {"view": "basket", "days": 40, "unchanged_days": 0, "events": 200, "newest": newest, "pruned_before": None}
    assert whole == brought(capsys, project, "materialize")
    assert whole | {"days": 0, "unchanged_days": 40, "events": 0} == brought(capsys, project, "materialize", "basket")
    changed = sales()
    changed.loc[7, "amount"] = 1000.0
    changed = pd.concat([changed, pd.DataFrame({"household": [1], "at": [START + timedelta(days=3)], "amount": [5.0]})])
    changed.to_parquet(project / "sales.parquet")
    assert whole | {"days": 2, "unchanged_days": 38, "events": 11} == brought(capsys, project, "materialize")
    assert changed.shape[0] == len(rows(project))
    assert sorted(changed["amount"]) == sorted(row[2] for row in rows(project))


def test_a_backfill_brings_in_the_days_that_are_asked_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = brought(capsys, project, "backfill", "--from", "2024-01-03", "--to", "2024-01-05T00:00:00Z")
    assert (2, 10) == (done["days"], done["events"])
    assert 40 == brought(capsys, project, "materialize")["days"] + 2
    before = rows(project)
    assert 40 == brought(capsys, project, "backfill", "--from", "2024-01-01")["days"]
    assert before == rows(project)


def test_what_no_feature_needs_is_deleted_and_can_be_brought_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brought(capsys, project, "materialize")
    kept = brought(capsys, project, "materialize", "--prune")
    assert "2024-01-12T00:00:00+00:00" == kept["pruned_before"]
    assert 29 * 5 == len(rows(project))
    assert 29 == brought(capsys, project, "materialize")["unchanged_days"]
    code, _, err = run(capsys, project, "features", "backfill", "--from", "2024-01-01", "--to", "2024-01-05")
    assert (3, True) == (code, "error[backfill-gap]" in err)
    assert None is not brought(capsys, project, "backfill", "--from", "2024-01-05")["pruned_before"]
    assert 36 * 5 == len(rows(project))


def test_one_of_two_wins(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=project) as store,
        lock.hold(store, "feature_view/basket", "user:ana"),
    ):
        code, _, err = run(capsys, project, "features", "materialize")
    assert (5, True) == (code, "error[locked]: feature_view/basket is locked by user:ana" in err)
    assert 40 == brought(capsys, project, "materialize")["days"]


def program(root: Path, limit: int | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own, whose files may have so many bytes."""
    return subprocess.Popen(
        [sys.executable, "-m", "headrace", "features", "materialize", "--root", str(root)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # noqa: PLW1509 - no threads
    )


@pytest.mark.slow
def test_what_was_killed_goes_on_where_it_was(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = sales(days=60, shops=4000)
    many.to_parquet(project / "sales.parquet")
    started = program(project)
    assert started.stderr is not None
    assert "days" in started.stderr.readline()
    started.send_signal(signal.SIGKILL)
    started.wait()
    started.stderr.close()
    definition = file_of(project)
    with sqlite3.connect(definition) as con:
        ((days, events, watermark),) = con.execute("SELECT (SELECT COUNT(*) FROM day), (SELECT COUNT(*) FROM event), watermark FROM state")
    assert (True, None) == (0 < days < 60, watermark), days
    assert days * 4000 == events
    done = brought(capsys, project, "materialize")
    assert (60 - days, days) == (done["days"], done["unchanged_days"])
    assert len(many) == len(rows(project))


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_whole_days(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = sales(days=60, shops=4000)
    many.to_parquet(project / "sales.parquet")
    ended = program(project, limit=12_000_000)
    _, err = ended.communicate()
    assert (1, True) == (ended.returncode, "error[online-unwritable]: the events at" in err), err
    held = pd.Series([row[1] for row in rows(project)])
    assert {4000} == set(held.groupby(held // 86_400_000_000).size())
    assert 60 > brought(capsys, project, "materialize")["days"] > 0
    assert len(many) == len(rows(project))


def test_a_view_that_no_server_reads_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    specs = project / "specs" / "all.yaml"
    specs.write_text(specs.read_text().replace("online: {fresh_within: 2d}\n", ""))
    assert run(capsys, project, "compile")[0] == 0
    code, _, err = run(capsys, project, "features", "materialize", "basket")
    assert (3, True) == (code, "error[not-online]" in err)
    assert "No view declares `online`." in run(capsys, project, "features", "materialize")[1]


def test_an_unknown_view_and_times_that_are_none_are_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "[unknown-view]" in run(capsys, project, "features", "materialize", "baskt")[2]
    assert 64 == run(capsys, project, "features", "backfill", "--from", "yesterday")[0]
    assert 64 == run(capsys, project, "features", "backfill", "--from", "2024-02-01", "--to", "2024-01-01")[0]
