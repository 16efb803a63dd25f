"""A run that Prefect no longer knows ends in our book, and its own model's is all that it costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from apply_memory import AT
from sqlmodel import select

from headrace.apply.outstanding import end_dead
from headrace.apply.prefect import Door, Run
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.steps import run
from headrace.store import Store, tables
from headrace.store.kinds import RunStatus


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as opened:
        with opened.transaction("user:test", "start", "model/m") as session:
            session.add(tables.Run(id="ours", model="m", flow="train", started_at=AT, details={"prefect": "theirs"}))
        yield opened


class Answers(Door):
    """A door whose server says one thing of every run."""

    def __init__(self, said: tuple[str, str, str] | str) -> None:
        super().__init__("http://127.0.0.1:1/api", "shop")
        self.said = said

    def runs(self, *_: str, **__: object) -> list[Run]:  # type: ignore[override]
        return []

    def run_state(self, run_id: str) -> tuple[str, str, str]:
        if isinstance(self.said, str):
            raise HeadraceError(Diagnostic(self.said, f"Prefect has no run {run_id}"))
        return self.said


def status(store: Store) -> tuple[RunStatus, object]:
    with store.read() as session:
        row = session.exec(select(tables.Run)).one()
        return row.status, row.details.get("error")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("no-run", "Prefect no longer knows it"),
        (("CRASHED", "Crashed", "Its heartbeat stopped."), "crashed in Prefect: Its heartbeat stopped."),
        (("FAILED", "Failed", ""), "failed in Prefect"),
    ],
)
def test_a_run_that_will_not_go_on_is_ended_and_told(store: Store, said: tuple[str, str, str] | str, error: str) -> None:
    assert [f"train of model/m died: {error}"] == end_dead(store, Answers(said), "m", "user:test")
    assert (RunStatus.FAILED, error) == status(store)


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "COMPLETED"])
def test_a_run_that_may_go_on_is_left_alone(store: Store, state: str) -> None:
    assert [] == end_dead(store, Answers((state, state.title(), "")), "m", "user:test")
    assert (RunStatus.RUNNING, None) == status(store)


def test_a_run_that_lives_nevertheless_takes_itself_up_and_ends_well(store: Store) -> None:
    end_dead(store, Answers("no-run"), "m", "user:test")
    place = type("Place", (), {"store": store, "actor": "service:train"})()
    with run.running(place, model="m", flow="train", run_id="ours", last=True):
        assert RunStatus.RUNNING is status(store)[0]
    assert RunStatus.PASSED is status(store)[0]


def test_a_server_that_is_away_says_nothing_of_a_run(store: Store) -> None:
    with pytest.raises(HeadraceError, match="prefect-away"):
        end_dead(store, Answers("prefect-away"), "m", "user:test")
    assert RunStatus.RUNNING is status(store)[0]
