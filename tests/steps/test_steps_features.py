"""The first step of a training: what its source's checks find stands with the run, and ends it where they block."""

import json
from datetime import timedelta

import pytest
from sqlmodel import select

from headrace.diagnostics import HeadraceError
from headrace.features import Number, RandomSplit, Target
from headrace.steps import features
from headrace.steps.workspace import open_workspace
from headrace.store import tables
from headrace.store.tables import RunStatus

CHECK = {"column": None, "low": None, "high": None, "values": [], "columns": [], "text": None}


def read(root, *checks):
    """The rows of people.pq, after these checks; and the run that read them."""
    path = root / "flows" / "headrace.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["sources"]["people"]["checks"] = [{**CHECK, **item} for item in checks]
    path.write_text(json.dumps(config), encoding="utf-8")
    try:
        return features.training_rows(
            model="churn",
            source="people",
            entity="id",
            time="seen",
            target=Target(column="left", delay=timedelta(days=1)),
            inputs=[Number("age", column="age")],
            split=RandomSplit(holdout=0.3),
            seed=7,
        )
    finally:
        with open_workspace(path, "look") as place, place.store.read() as session:
            run = session.exec(select(tables.Run)).one()
            read.run = (run.status, run.details)


def test_what_a_check_that_warns_finds_is_kept_with_the_run(root):
    warns = {"id": "old", "says": "range", "column": "age", "low": 0, "high": 30, "mode": "warn"}
    rows = read(root, warns, {"id": "enough", "says": "rows", "low": 1, "high": 1000, "mode": "block"})
    told = read.run[1]["checks"]
    assert (600, [False, True]) == (rows.rows, [item["passed"] for item in told])
    assert ("source/people, check `old`: in " in told[0]["said"], "") == (True, told[1]["said"])


def test_a_check_that_blocks_ends_the_training(root):
    with pytest.raises(HeadraceError, match=r"\[check-failed\]: source/people, check `few`: there are 600 rows, and 1 to 10 are wanted"):
        read(root, {"id": "few", "says": "rows", "low": 1, "high": 10, "mode": "block"})
    status, details = read.run
    assert (RunStatus.FAILED, True) == (status, "check-failed" in details["error"])
