"""A compiled batch under a real Prefect server: applied, run by its deployment on a worker, and run again."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from apply_place import clear
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlmodel import select

from headrace.apply.prefect import Door
from headrace.cli import main
from headrace.store import Store, tables
from headrace.store.kinds import RunStatus

BATCH = Path(__file__).parents[1] / "batch"
sys.path.insert(0, str(BATCH))
from batch_world import alone, promote, rows, version  # noqa: E402 - the project of the tests of batches

from headrace.steps.workspace import open_workspace  # noqa: E402

NIGHTLY = """
---
kind: source
name: asked
uri: asked.parquet
columns: {id: {type: int64}, x: {type: float}, c: {type: category}}
---
kind: batch
name: nightly
model: churn
input: source/asked
output: {path: sqlite:///kept.db, table: scores, key: id}
chunk: 20
schedule: "0 2 * * *"
"""


@pytest.mark.slow
@pytest.mark.prefect
def test_a_batch_runs_by_its_deployment_and_a_second_run_takes_the_place_of_the_first(tmp_path, prefect_url, worker, monkeypatch, capsys):
    (tmp_path / "specs").mkdir()
    text = (BATCH / "churn.yaml").read_text().replace("name: shop", "name: batches") + NIGHTLY
    (tmp_path / "specs" / "churn.yaml").write_text(text)
    (tmp_path / "past.csv").write_text("id,x,c,at,left\n")
    frame = rows(60)
    frame.to_parquet(tmp_path / "asked.parquet")
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    monkeypatch.chdir(tmp_path)

    def headrace(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["headrace", *arguments])
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        assert 0 == ended.value.code, told.err
        return told.out

    with Door(prefect_url, "batches") as door:
        try:
            headrace("apply", "--yes", "--no-train")
            with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
                promote(store, version(store).number)
            assert "completed" in headrace("run", "batch", "nightly")
            first = kept("SELECT id, prediction FROM scores ORDER BY id")
            with open_workspace(tmp_path / "flows" / "headrace.json", "test") as place:
                assert list(zip(frame["id"], alone(place, frame), strict=True)) == first
            with temporary_settings({PREFECT_API_URL: prefect_url}):  # what it shows is shown there
                imported(tmp_path / "flows" / "churn.py").score_nightly.fn(None)
        finally:
            clear(door)
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store, store.read() as session:
        runs = session.exec(select(tables.Run).where(tables.Run.flow == "batch_nightly")).all()
        done = [(run.id, "scores", 60) for run in runs if run.status is RunStatus.PASSED]
    assert (2, sorted(done)) == (len(done), sorted(kept("SELECT run, wrote, answers FROM headrace_batches")))
    assert first == kept("SELECT id, prediction FROM scores ORDER BY id")


def imported(path: Path) -> ModuleType:
    """A compiled module, in this process: a second start of a worker's process would cost as much as all of the rest."""
    spec = spec_from_file_location("batches_churn", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["batches_churn"] = module
    spec.loader.exec_module(module)
    return module


def kept(sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect("kept.db")) as con:
        return con.execute(sql).fetchall()
