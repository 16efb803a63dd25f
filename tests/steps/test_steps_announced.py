"""Runs tell the environment's server of lineage by themselves; what it does with that is no matter of theirs."""

import json
import logging
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sqlmodel import select

from headrace import mirroring
from headrace.local.herald import Herald
from headrace.steps import announced, run
from headrace.steps.workspace import workspace
from headrace.store import lock, tables
from headrace.store.kinds import RunStatus
from lineage_receiver import Receiver, receiving


@pytest.fixture
def receiver(root: Path):
    """The environment names it."""
    with receiving() as told:
        name(root, told.url)
        yield told


def name(root: Path, lineage: str) -> None:
    path = root / "flows" / "headrace.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "lineage": lineage}), encoding="utf-8")


def train(*, fails: bool = False) -> str:
    """A flow of two steps."""
    with workspace("train") as w, run.running(w, model="churn", flow="monitor") as step:
        first = step.id
    with suppress(ZeroDivisionError), workspace("train") as w, run.running(w, model="churn", flow="monitor", run_id=first, last=True):
        assert not fails or 1 / 0
    return first


def status() -> list[str]:
    with workspace("test") as w, w.store.read() as session:
        return [row.status.value for row in session.exec(select(tables.Run))]


def test_a_run_tells_of_its_start_and_its_end(receiver: Receiver) -> None:
    ids = [train(), train(fails=True)]
    assert ["START", "COMPLETE", "START", "FAIL"] == receiver.kinds
    assert ids == [event["run"]["runId"].replace("-", "") for event in receiver.heard[::2]]


def test_where_nobody_is_named_nobody_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "announce", lambda *_, **__: pytest.fail("somebody was told"))
    train()
    assert 0 == Herald(root, print, 1).look()


def test_a_receiver_that_errs_stops_no_run_and_hears_all_later(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.answers += [503, 503]
    with caplog.at_level(logging.WARNING, "headrace.steps"):
        train()
    assert (["passed"], []) == (status(), [kind for kind in receiver.kinds if kind == "FAIL"])
    assert "it answered 503; it is told again with the next step" in caplog.text
    train()
    assert ["START", "COMPLETE", "START", "COMPLETE"] == receiver.kinds


def test_a_receiver_that_never_answers_holds_no_run_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced.announce_beside, "__kwdefaults__", {"waited": 0.2})
    receiver.silent.set()
    began = time.monotonic()
    train()
    assert time.monotonic() - began < 30  # its POST alone would wait for as long, at each of the two steps
    receiver.silent.clear()
    assert [("passed", [])] == [(said, receiver.heard) for said in status()]


def test_nobody_listens_and_the_run_ends_well(root: Path) -> None:
    name(root, "http://127.0.0.1:9/lineage")
    train()
    assert ["passed"] == status()


def test_what_a_run_could_not_tell_is_told_while_the_project_is_up(receiver: Receiver, root: Path) -> None:
    receiver.answers += [503] * 3
    train()
    assert [] == receiver.heard
    said: list[str] = []
    herald = Herald(root, said.append, 0.01)
    receiver.answers[:] = [503]
    assert (0, 2, 0) == (herald.look(), herald.look(), herald.look())
    assert (["START", "COMPLETE"], 1) == (receiver.kinds, len(said))
    train()
    herald.start()
    deadline = time.monotonic() + 60
    while len(receiver.heard) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    herald.stop()
    assert ["START", "COMPLETE"] * 2 == receiver.kinds


def test_one_that_is_told_by_another_process_is_left_to_it(receiver: Receiver, root: Path) -> None:
    with workspace("test") as w, lock.hold(w.store, "announce", "user:other"):
        run.end(w, run.start(w, model="churn", flow="monitor"), RunStatus.PASSED)
        assert 0 == announced.announce(root, w.config, "user:test")
    assert ["START", "COMPLETE"] == receiver.kinds


def test_what_is_not_compiled_tells_nobody(tmp_path: Path) -> None:
    assert 0 == Herald(tmp_path, print, 1).look()
