"""The first step of a training: what its source's checks find stands with the run, and ends it where they block."""

import json
from datetime import timedelta

import pandas as pd
import pytest
from sqlmodel import select

from headrace.diagnostics import HeadraceError
from headrace.features import Number, RandomSplit, Target
from headrace.steps import features
from headrace.steps.workspace import open_workspace
from headrace.store import tables
from headrace.store.tables import RunStatus

CHECK = {"column": None, "low": None, "high": None, "values": [], "columns": [], "text": None}


def read(root, *checks, **source):
    """The rows of people.pq, after these checks; and the run that read them."""
    path = root / "flows" / "headrace.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["sources"]["people"]["checks"] = [{**CHECK, **item} for item in checks]
    config["sources"]["people"] |= source
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


def test_what_each_source_held_stands_with_the_run_and_goes_with_the_rows(root):
    rows = read(root)
    (told,) = read.run[1]["sources"]
    assert ({"people": told["digest"]}, None) == (rows.sources, told["changed"])


def test_a_source_that_changed_since_the_newest_version_is_seen(root, place):
    from headrace import training
    from headrace.steps.features import _changed

    rows = read(root)
    training.train(place.store, place.plugins, rows, actor="test", algorithm="sklearn.logistic_regression", params={}, seed=7)
    seen = [_changed(place, "churn", {"people": digest, "new": digest}) for digest in (rows.sources["people"], "sha256:other")]
    assert [[None, False], [None, True]] == [[item["changed"] for item in told] for told in seen]


def test_a_personal_entity_is_in_no_message(root):
    frame = pd.read_parquet(root / "people.pq")
    for told, wrong in (
        ("duplicate-rows", pd.concat([frame, frame.iloc[7:8]])),
        ("bad-target", frame.assign(left=[0, 1, 5] + [0, 1, 0] * 199)),
    ):
        wrong.to_parquet(root / "people.pq")
        with pytest.raises(HeadraceError, match=rf"\[{told}\].*id \(personal\)"):
            read(root, personal=["id"])
        (root / ".headrace" / "state.db").unlink()
