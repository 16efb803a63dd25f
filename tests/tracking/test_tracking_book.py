"""What is written of a run is found again, and what was said once stays said."""

import json
import math
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func
from sqlmodel import select

from headrace import tracking
from headrace.diagnostics import HeadraceError
from headrace.store import Store
from headrace.store.kinds import TrackedStatus
from headrace.store.tracked import Experiment, TrackedPoint

AT = datetime(2020, 1, 1, tzinfo=UTC)
ODD = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1, -1 / 3]


def test_what_is_logged_is_found(store, begun):
    run_id = begun(params={"depth": 3, "rate": 0.1, "kind": "gbdt", "on": True, "none": None, "of": [1, {"a": "b"}]}, tags={"owner": "ana"})
    found = tracking.get(store, run_id)
    assert ({"depth": 3, "rate": 0.1, "kind": "gbdt", "on": True, "none": None, "of": [1, {"a": "b"}]}, {"owner": "ana"}) == (
        found.params,
        found.tags,
    )


def test_a_param_is_logged_once_and_the_same_again_is_nothing(store, begun):
    run_id = begun(params={"depth": 3})
    for params, expected in (
        ({"depth": 3}, None),
        ({"depth": 3, "rate": math.nan}, None),
        ({"rate": math.nan}, None),
        ({"depth": 4}, "param-changed"),
    ):
        try:
            with store.transaction("u", "log", run_id) as session:
                tracking.log_params(session, run_id, params)
            told = None
        except HeadraceError as error:
            told = next(iter(error.report)).id
        assert expected == told
    assert 3 == tracking.get(store, run_id).params["depth"]


def test_a_refused_param_keeps_the_others_out_too(store, begun):
    run_id = begun(params={"depth": 3})
    with pytest.raises(HeadraceError, match="param-changed"), store.transaction("u", "log", run_id) as session:
        tracking.log_params(session, run_id, {"new": 1, "depth": 4})
    assert {"depth": 3} == tracking.get(store, run_id).params


def test_a_tag_is_replaced(store, begun):
    run_id = begun(tags={"owner": "ana", "n": 1})
    with store.transaction("u", "tag", run_id) as session:
        tracking.set_tags(session, run_id, {"owner": "bo", "n": "one"})
    assert {"owner": "bo", "n": "one"} == tracking.get(store, run_id).tags


def test_every_float_comes_back_exactly(store, begun):
    run_id = begun()
    with store.transaction("u", "log", run_id) as session:
        tracking.log_points(session, run_id, [("m", step, value, AT + timedelta(seconds=step)) for step, value in enumerate(ODD)])
    points = tracking.history(store, run_id)["m"]
    assert ([repr(value) for value in ODD], list(range(len(ODD)))) == ([repr(point.value) for point in points], [p.step for p in points])
    assert [AT + timedelta(seconds=step) for step in range(len(ODD))] == [point.at for point in points]


@pytest.mark.parametrize(("steps", "last"), [([0, 1, 2], 2), ([2, 1, 0], 0), ([1, 1, 1], 2), ([5, 3, 5], 2), ([-1, -2], 0)])
def test_the_last_value_is_that_of_the_highest_step_and_the_latest_of_equals(store, begun, steps, last):
    for at_once in (True, False):
        run_id = begun()
        points = [("m", step, float(number), AT) for number, step in enumerate(steps)]
        for part in [points] if at_once else [[point] for point in points]:
            with store.transaction("u", "log", run_id) as session:
                tracking.log_points(session, run_id, part)
        found = tracking.get(store, run_id).metrics["m"]
        assert (float(last), max(steps), len(steps)) == (found.value, found.step, found.n)


def test_other_bytes_of_a_name_are_its_next_version(store, begun):
    run_id = begun()
    digests = [store.blobs.put(data) for data in (b"a", b"b", b"b")]
    for digest in digests:
        with store.transaction("u", "link", run_id) as session:
            tracking.link(session, run_id, "model", digest, at=AT, size=1)
    found = tracking.get(store, run_id)
    assert [(1, digests[0]), (2, digests[1])] == [(item.version, item.digest) for item in found.artifacts]
    assert digests[1] == found.artifact("model").digest


def test_a_run_ends_once_and_may_be_taken_up_again(store, begun):
    run_id = begun()
    for status in (TrackedStatus.FAILED, TrackedStatus.FINISHED):
        with store.transaction("u", "end", run_id) as session:
            tracking.end(session, run_id, status, at=AT + timedelta(hours=1), error="no")
    ended = tracking.get(store, run_id)
    with store.transaction("u", "reopen", run_id) as session:
        tracking.reopen(session, run_id)
    again = tracking.get(store, run_id)
    assert (("failed", 3600.0, "no"), ("running", None, None)) == (
        (ended.status, ended.seconds, ended.error),
        (again.status, again.seconds, again.error),
    )


def test_runs_of_one_experiment_share_it_and_a_child_names_its_parent(store, begun):
    parent = begun()
    child = begun(parent=parent)
    with store.read() as session:
        assert 1 == session.exec(select(func.count()).select_from(Experiment)).one()
    assert (parent, [child]) == (tracking.get(store, child).parent, tracking.children(store, parent))


def test_a_run_of_an_unknown_parent_is_refused(begun):
    with pytest.raises(HeadraceError, match="no-run"):
        begun(parent="nobody")


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("params", {"": 1}),
        ("params", {"a\nb": 1}),
        ("params", {"x" * 251: 1}),
        ("params", {"a": "x" * 100_001}),
        ("metrics", {"a": "high"}),
    ],
)
def test_what_cannot_be_kept_is_refused(begun, part, values):
    with pytest.raises(HeadraceError, match="bad-record"):
        begun(**{part: values})


@pytest.mark.parametrize("step", [1.5, "1", True, 2**63, None])
def test_a_step_is_a_whole_number_of_64_bits(store, begun, step):
    run_id = begun()
    with pytest.raises(HeadraceError, match="bad-record"), store.transaction("u", "log", run_id) as session:
        tracking.log_points(session, run_id, [("m", step, 1.0, AT)])


def test_values_of_numpy_are_numbers_and_what_is_none_of_json_is_its_text(store, begun):
    import numpy as np

    run_id = begun(params={"a": np.float64(0.5), "b": np.int64(3), "c": np.bool_(True), "d": {1}, "e": (1, 2), "f": "a\0b\ud800"})
    assert {"a": 0.5, "b": 3, "c": True, "d": "{1}", "e": [1, 2], "f": "a\0b\ud800"} == tracking.get(store, run_id).params


def test_an_id_is_found_by_its_beginning(store, begun):
    first, second = begun(), begun()
    common = next(i for i in range(32) if first[i] != second[i])
    assert first == tracking.get(store, first[: common + 1].upper()).id
    for which, id_ in ((first[:common], "which-run"), ("%", "no-run"), ("", "no-run"), ("zz", "no-run")):
        with pytest.raises(HeadraceError, match=id_):
            tracking.get(store, which)


def test_ids_are_of_version_7_and_sort_by_when_they_were_made():
    from uuid import UUID

    made = []
    for _ in range(5):
        made.append(tracking.new_id())
        time.sleep(0.002)
    assert (sorted(made), {7}, {"specified in RFC 4122"}) == (
        made,
        {UUID(id_).version for id_ in made},
        {UUID(id_).variant for id_ in made},
    )


def test_a_recorder_writes_every_point_once_however_often_it_is_flushed(store, begun):
    run_id = begun()
    with tracking.Recorder(store, run_id, "u", every=0.001) as recorder:
        for step in range(200):
            recorder.step(step, {"a": step, "b": -step})
            if step % 50 == 0:
                recorder.flush()
    told = tracking.history(store, run_id)
    assert {"a": [float(s) for s in range(200)], "b": [-float(s) for s in range(200)]} == {
        n: [p.value for p in ps] for n, ps in told.items()
    }


def test_what_a_recorder_could_not_write_is_kept_and_written_later(store, begun, monkeypatch):
    run_id = begun()
    recorder = tracking.Recorder(store, run_id, "u", every=3600)
    recorder.step(0, {"a": 1.0})
    recorder.step(1, {"a": 2.0})
    opened = store._writer
    gone = store.engine.execution_options()
    monkeypatch.setattr(store, "_writer", gone)  # a connection that only reads
    with pytest.raises(HeadraceError):
        recorder.flush()
    monkeypatch.setattr(store, "_writer", opened)
    recorder.close()
    assert [1.0, 2.0] == [point.value for point in tracking.history(store, run_id)["a"]]


DYING = """
import sys, time
from pathlib import Path
from headrace import tracking
from headrace.store import Store
store = Store.open(sys.argv[1], "blobs", root=Path(sys.argv[2]))
run_id = tracking.new_id()
with store.transaction("u", "begin", run_id) as session:
    tracking.begin(session, id=run_id, experiment="e", actor="u", at=store.clock.now(), process=tracking.Process.mine())
tracking.Recorder(store, run_id, "u").step(1, {"loss": 0.5})
print(run_id, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_what_was_recorded_survives_a_process_that_is_killed_and_its_run_is_said_to_be(tmp_path):
    with subprocess.Popen([sys.executable, "-c", DYING, "sqlite:///state.db", str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        run_id = child.stdout.readline().strip()
        with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
            until = time.monotonic() + 60
            while not tracking.history(store, run_id) and time.monotonic() < until:
                time.sleep(0.05)
            assert [] == tracking.reap(store, "u")
            child.kill()
            child.wait()
            assert ([run_id], []) == (tracking.reap(store, "u"), tracking.reap(store, "u"))
            found = tracking.get(store, run_id)
            (point,) = tracking.history(store, run_id)["loss"]
            assert ("killed", 0.5, point.at) == (found.status, found.metrics["loss"].value, found.ended_at)


def test_points_are_only_ever_added(store, begun):
    run_id = begun(metrics={"a": 1.0})
    with store.transaction("u", "log", run_id) as session:
        tracking.log_points(session, run_id, [("a", 0, 2.0, AT)])
    with store.read() as session:
        assert [1.0, 2.0] == [row.value for row in session.exec(select(TrackedPoint).order_by(TrackedPoint.id))]


def test_found_runs_are_json_but_for_nan_and_moments(store, begun):
    run_id = begun(params={"a": 1}, metrics={"m": math.inf})
    assert json.dumps(tracking.get(store, run_id).params) == '{"a": 1}'
