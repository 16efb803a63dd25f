"""The driver passes nothing that is pending: requests, answers, records, runs and events stay in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from answering import Answering
from sqlmodel import Session

from headrace import journal, registry, traffic
from headrace.apply.wire import Run
from headrace.backtest import Driver, History, tell
from headrace.backtest import driver as room
from headrace.backtest.client import Client
from headrace.diagnostics import Exit, HeadraceError
from headrace.spec.backtest import Backtest
from headrace.store import EventKind, Store, clock, digest, due, events, tables

DAY = datetime(2016, 1, 1, tzinfo=UTC)
MODEL = "buys"


def day(number: float) -> datetime:
    return DAY + timedelta(days=number)


@dataclass
class Flows:
    """Prefect's place: a run does at once what its flow does to the store, and stays open for as many looks as are said."""

    does: dict[str, Callable[[], None]] = field(default_factory=dict)
    ends: str = "COMPLETED"
    looks: int = 0
    open: list[bool] = field(default_factory=list)
    """Whether each of the open runs was made by a schedule."""
    started: list[tuple[str, str | None]] = field(default_factory=list)
    schedules: list[str] = field(default_factory=list)

    def run(self, deployment: str, parameters: dict[str, Any] | None = None, *_: str) -> str:
        self.started.append((deployment, (parameters or {}).get("cause")))
        self.does.get(deployment.partition("/")[2], lambda: None)()
        return "run"

    def run_state(self, _: str) -> tuple[str, str, str]:
        self.looks -= 1
        return (self.ends, "", "why") if self.looks < 0 else ("RUNNING", "", "")

    def runs(self, *_: str) -> list[Run]:
        found = [Run("r", "d", "RUNNING", "", "", None, scheduled, DAY, DAY, {}) for scheduled in self.open]
        self.open = [scheduled for scheduled in self.open if scheduled]
        return found

    def started_by(self, event: str) -> list[Run]:
        return [Run("run", name, self.ends, "", "", cause, False, DAY, DAY, {}) for name, cause in self.started if cause == event]

    def pause_schedules(self) -> None:
        self.schedules.append("paused")

    def resume_schedules(self) -> None:
        self.schedules.append("resumed")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 5.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering() as running:
        running.say("/predict", {})
        running.say("/outcomes", {})
        running.say("/metadata", {"unflushed": 0, "epoch": 1})
        yield running


@pytest.fixture
def flows() -> Flows:
    return Flows()


@pytest.fixture
def driver(store: Store, server: Answering, flows: Flows, tmp_path: Path) -> Iterator[Driver]:
    """One visit a day, whose answer is known two days later."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "visit": range(6),
            "pages": [1.5, None, 3.0, 4.0, 5.0, 6.0],
            "kind": ["a", "b", None, "a", "b", "a"],
            "@at": [day(i) for i in range(6)],
            "@target": [float(i % 2) for i in range(6)],
            "@known_at": [day(i + 2) for i in range(6)],
        }
    )
    made = Driver(
        store=store,
        door=flows,  # type: ignore[arg-type]
        client=Client(server.url, timeout=5),
        spool=tmp_path / "spool",
        model=MODEL,
        history=History(frame, "visit", "bought", ("kind", "pages")),
        say=lambda _: None,
    )
    yield made
    made.client.close()


@pytest.fixture
def driven(driver: Driver) -> Driver:
    """It holds the clock already."""
    clock.drive(driver.store, driver.holder, DAY)
    driver.now = DAY
    return driver


def write(store: Store, function: Callable[..., Any], **named: Any) -> Any:
    with store.transaction("user:test", "call", f"model/{MODEL}") as session:
        return function(session, **named)


def version(store: Store, as_of: datetime = DAY) -> int:
    manifest = {"digests": dict.fromkeys(("data", "spec", "code", "environment"), digest(b"")), "as_of": as_of.isoformat()}
    found = registry.register(
        store, actor="user:test", model=MODEL, run_id="r", manifest=manifest, model_bytes=b"m", algorithm="a", format="f", at=DAY
    )
    return found.number


def champion(store: Store) -> None:
    number = version(store)
    write(store, registry.promote, model=MODEL, number=number, at=DAY, reason="first")


def put_due(store: Store, flow: str, at: datetime) -> None:
    with store.transaction("user:test", "due", MODEL) as session:
        due.put(session, MODEL, flow, at, "test")


def fault(raised: pytest.ExceptionInfo[HeadraceError]) -> tuple[str, Exit]:
    (found,) = raised.value.report
    return found.id, Exit(raised.value.code)


def spooled(driver: Driver) -> None:
    spool = journal.Spool.open(driver.spool)
    spool.append(journal.OutcomeRecord(MODEL, "1", 1.0, DAY))
    spool.close()


# The barrier ---------------------------------------------------------------------------------------------------


def test_the_barrier_waits_for_counts_and_records(driver: Driver, server: Answering) -> None:
    spooled(driver)
    waiting: list[tuple[int, bool]] = []
    unflushed = iter([2, 0, 1, 0])

    def metadata() -> dict[str, int]:
        counts = next(unflushed)
        if len(waiting) == 2:
            journal.ship(driver.store, driver.spool)
        waiting.append((counts, journal.unshipped(driver.store, driver.spool) > 0))
        return {"unflushed": counts}

    server.say("/metadata", metadata)
    driver.barrier()
    assert [(2, True), (0, True), (1, False), (0, False)] == waiting


def test_a_record_that_is_never_shipped_stops_the_replay(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    spooled(driver)
    with pytest.raises(HeadraceError, match="records are not shipped") as raised:
        driver.barrier()
    assert ("replay-stuck", Exit.FAILED) == fault(raised)


def test_waiting_renews_the_lease(driven: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def lease() -> datetime:
        with driven.store.read() as session:
            found = session.get(tables.Clock, 1)
            assert found is not None
            assert found.lease_until is not None
            return found.lease_until

    before, passed = lease(), iter([0.0, 0.0, 31.0, 31.0, 31.0, 32.0, 32.0, 32.0])
    monkeypatch.setattr(room, "PATIENCE", 600.0)
    with monkeypatch.context() as patch:
        patch.setattr(room.time, "monotonic", lambda: next(passed))
        with driven.waiting("x") as more:
            more()
    assert lease() > before


# Answers -------------------------------------------------------------------------------------------------------


def test_answers_come_when_they_are_known_in_order_and_in_batches(
    driver: Driver, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BATCH", 2)
    driver.sent = 4
    for number in (1.9, 4, 4, 100):
        driver.deliver_labels(day(number))
    assert [[0, 1], [2], [3]] == [[item["visit"] for item in body["outcomes"]] for body in server.bodies("/outcomes")]
    assert {"visit": 1, "bought": 1, "known_at": day(3).isoformat()} == server.bodies("/outcomes")[0]["outcomes"][1]
    assert 4 == driver.answered


# Runs ----------------------------------------------------------------------------------------------------------


def test_a_run_is_waited_for_and_written_down(driven: Driver, flows: Flows) -> None:
    flows.looks = 3
    driven.run("monitor")
    assert ([("buys/monitor", None)], [("monitor", DAY)]) == (flows.started, [(run["flow"], run["at"]) for run in driven.runs])


@pytest.mark.parametrize("state", ["FAILED", "CRASHED", "CANCELLED"])
def test_a_run_that_does_not_complete_ends_the_replay(driven: Driver, flows: Flows, state: str) -> None:
    flows.ends = state
    with pytest.raises(HeadraceError, match=f"buys/train ended {state}: why") as raised:
        driven.run("train")
    assert ("run-failed", Exit.FAILED) == fault(raised)


def abort(store: Store) -> str:
    with store.transaction("service:serving", "abort", f"model/{MODEL}") as session:
        found = events.append(session, model=MODEL, kind=EventKind.ROLLOUT_ABORTED, payload={}, at=DAY, successor="roll_out")
        return found.id


def test_what_caused_a_run_is_settled_when_that_run_has_started(driven: Driver, flows: Flows) -> None:
    cause = abort(driven.store)

    def rolled_out() -> None:
        write(driven.store, events.append, model=MODEL, kind=EventKind.RUN_STARTED, payload={}, at=DAY, cause=cause)

    flows.does["roll_out"] = rolled_out
    driven.settle()
    assert [("buys/roll_out", cause)] == flows.started


def test_settled_means_no_open_run_and_the_weights_of_the_store(driven: Driver, server: Answering, flows: Flows) -> None:
    write(driven.store, traffic.set_weights, model=MODEL, expected=None, arms=[traffic.Arm("champion", 1, 1.0)], at=DAY, reason="test")
    epochs = iter([0, 0, 1])
    server.say("/metadata", lambda: {"epoch": next(epochs)})
    flows.open = [True, False]
    driven.settle()
    assert (3, [True]) == (len(server.asked), flows.open)


@dataclass(frozen=True)
class Asked:
    """Votes that are missing for as many looks as there are answers."""

    answers: Iterator[dict[int, str]]

    def awaited(self, _: Session, model: str) -> dict[int, str]:
        assert MODEL == model
        return next(self.answers)


def test_the_clock_stands_still_until_people_have_voted(driven: Driver) -> None:
    missing, said = {2: "0 of 2 votes of group/risk"}, []
    driven.votes, driven.say = Asked(iter([missing, missing, {}, {}])), said.append  # type: ignore[assignment]
    driven.settle()
    told = "version 2 awaits approval: 0 of 2 votes of group/risk (`headrace approvals` says who may vote)"
    assert ([f"{DAY:%Y-%m-%d}  {told}"], DAY) == (said, driven.store.clock.now())


def test_a_replay_gives_up_where_nobody_votes(driven: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PEOPLE", 0.05)
    driven.votes = Asked(repeat({1: "0 of 1 votes of group/risk"}))  # type: ignore[assignment]
    with pytest.raises(HeadraceError, match="people have not voted"):
        driven.settle()


def test_a_run_that_the_store_holds_open_is_waited_for(driven: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    with driven.store.transaction("service:train", "start", MODEL) as session:
        session.add(tables.Run(id="r", model=MODEL, flow="train", started_at=DAY, status="running", details={}))
    with pytest.raises(HeadraceError, match="an event's successor never ran"):
        driven.settle()


# What is due ---------------------------------------------------------------------------------------------------


def test_what_is_due_first_is_met_first_and_of_this_model_alone(driver: Driver) -> None:
    put_due(driver.store, "roll_out", day(2))
    put_due(driver.store, "monitor", day(2))
    with driver.store.transaction("user:test", "due", MODEL) as session:
        due.put(session, "other", "train", day(1), "test")
    found = driver.next_due()
    assert found is not None
    assert (MODEL, "monitor") == (found.model, found.flow)


def meet(driver: Driver) -> list[tuple[str, datetime]]:
    found = driver.next_due()
    assert found is not None
    driver.meet(found)
    with driver.store.read() as session:
        return [(item.flow, item.at) for item in due.list(session)]


def test_a_due_row_that_stays_is_dropped_and_one_that_moved_on_is_kept(driven: Driver, flows: Flows) -> None:
    put_due(driven.store, "monitor", day(2))
    assert [] == meet(driven)
    flows.does["monitor"] = lambda: put_due(driven.store, "monitor", day(9))
    put_due(driven.store, "monitor", day(3))
    assert [("monitor", day(9))] == meet(driven)


def test_a_flow_runs_at_its_moment_with_the_answers_that_are_known_then(driven: Driver, server: Answering, flows: Flows) -> None:
    driven.sent = 6
    put_due(driven.store, "monitor", day(3))
    seen: list[tuple[datetime, list[str]]] = []
    flows.does["monitor"] = lambda: seen.append((driven.store.clock.now(), [asked.path for asked in server.asked]))
    meet(driven)
    assert [(day(3), ["/outcomes", "/metadata"])] == seen
    assert [0, 1] == [item["visit"] for item in server.bodies("/outcomes")[0]["outcomes"]]


def test_requests_and_runs_alternate_as_their_times_say(driven: Driver, server: Answering, flows: Flows) -> None:
    put_due(driven.store, "monitor", day(2))  # the moment of a request: what is due comes first
    sent: list[int] = []

    def monitored() -> None:
        sent.append(len(server.bodies("/predict")))
        put_due(driven.store, "monitor", driven.store.clock.now() + timedelta(days=4))

    flows.does["monitor"] = monitored
    driven.serve_all(day(12))
    assert ([2, 6, 6], 6, 6) == (sent, driven.sent, driven.answered)
    assert [
        {"visit": 0, "kind": "a", "pages": 1.5},
        {"visit": 1, "kind": "b", "pages": None},
        {"visit": 2, "kind": None, "pages": 3.0},
    ] == server.bodies("/predict")[:3]
    assert [day(i).isoformat() for i in range(6)] == [asked.time for asked in server.asked if asked.path == "/predict"]
    assert day(12) == driven.store.clock.now()


def test_what_becomes_due_while_requests_are_sent_is_met_soon(
    driven: Driver, server: Answering, flows: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An abort inside the server puts a row at its moment."""
    monkeypatch.setattr(room, "CHECK_EVERY", 2)
    sent: list[int] = []

    def predicted() -> dict[str, object]:
        if len(server.bodies("/predict")) == 1:
            put_due(driven.store, "roll_out", DAY)
        return {}

    server.say("/predict", predicted)
    flows.does["roll_out"] = lambda: sent.append(driven.sent)
    driven.serve_all(day(6))
    assert ([2], [("buys/roll_out", None)]) == (sent, flows.started)


def test_the_clock_never_goes_back(driven: Driver) -> None:
    for number in (3, 1):
        driven.advance(day(number))
    assert day(3) == driven.store.clock.now()


# The whole -----------------------------------------------------------------------------------------------------


def test_a_replay_trains_first_looks_when_it_is_told_and_gives_the_clock_back(driver: Driver, flows: Flows) -> None:
    put_due(driver.store, "roll_out", day(-400))
    flows.does["train"] = lambda: champion(driver.store)
    seen: list[datetime] = []
    flows.does["monitor"] = lambda: seen.append(driver.store.clock.now())
    driver.replay(DAY, day(8), day(5))
    assert (["buys/train", "buys/monitor"], [day(5)]) == ([name for name, _ in flows.started], seen)
    assert (["paused", "resumed"], False) == (flows.schedules, driver.store.clock.driven)
    assert (6, 6, 6) == (driver.sent, driver.answered, len(driver.history.frame))


def test_a_champion_that_knows_no_more_than_the_first_day_is_kept(driver: Driver, flows: Flows) -> None:
    champion(driver.store)
    driver.replay(DAY, day(6), None)
    assert [] == flows.started


def test_without_a_champion_nothing_is_sent_and_the_clock_is_given_back(driver: Driver, server: Answering, flows: Flows) -> None:
    with pytest.raises(HeadraceError) as raised:
        driver.replay(DAY, day(8), None)
    assert ("no-champion", [], ["paused", "resumed"], False) == (
        fault(raised)[0],
        server.bodies("/predict"),
        flows.schedules,
        driver.store.clock.driven,
    )


def test_while_another_drives_the_clock_nothing_is_touched(driver: Driver, flows: Flows) -> None:
    clock.drive(driver.store, "another", DAY)
    with pytest.raises(HeadraceError) as raised:
        driver.replay(DAY, day(8), None)
    assert (("clock-driven", Exit.LOCKED), [], "another") == (fault(raised), flows.schedules, driver.store.clock.holder)


def test_a_champion_that_knows_the_future_is_refused(driver: Driver) -> None:
    version(driver.store)
    version(driver.store, day(1))
    with pytest.raises(HeadraceError, match=r"version 2 that knows more than was known on 2016-01-01") as raised:
        driver.refuse_other_history(DAY)
    assert ("history-exists", Exit.REFUSED) == fault(raised)


def predicted(store: Store, arm: str, number: int) -> None:
    with store.transaction("service:journal", "ship", MODEL) as session:
        session.add(
            tables.Prediction(
                id=f"p{number}",
                model=MODEL,
                version=1,
                arm=arm,
                epoch=1,
                entity=str(number),
                at=DAY,
                recorded_at=DAY,
                latency_us=1,
                inputs={},
                unseen=[],
            )
        )


def test_a_model_that_has_answered_already_is_refused(driver: Driver) -> None:
    predicted(driver.store, "champion", 1)
    with pytest.raises(HeadraceError, match="1 requests in its journal already") as raised:
        driver.refuse_other_history(DAY)
    assert ("history-exists", Exit.REFUSED) == fault(raised)


def test_a_model_that_has_not_lived_is_not_refused(driver: Driver) -> None:
    version(driver.store)
    driver.refuse_other_history(DAY)


# What is told --------------------------------------------------------------------------------------------------


def test_what_a_replay_left_in_the_store_is_told(driven: Driver) -> None:
    for number, arm in enumerate(["champion", "champion", "candidate"]):
        predicted(driven.store, arm, number)
    with driven.store.transaction("service:monitor", "look", MODEL) as session:
        for number in (2, 1):
            window = {"first_seq": 1, "last_seq": 3, "start": day(number), "end": day(number + 1), "n": 3, "version": 1}
            session.add(tables.Window(model=MODEL, number=number, unseen_share=0.0, **window))
        fired = {"rule": "degraded", "window": {"number": 2}}
        events.append(session, model=MODEL, kind=EventKind.ALERT_FIRED, payload=fired, at=day(3))
        session.add(tables.Outbox(channel="told", message={}, status="delivered", next_at=DAY, attempts=1, created_at=DAY))
    driven.sent, driven.answered = 3, 2
    driven.run("monitor")
    backtest = Backtest.model_validate(
        {
            "kind": "backtest",
            "name": "two-years",
            "model": "buys",
            "replay": {"source": "later", "labels": "answers", "from": 2016, "to": 2018, "spread": "year"},
        }
    )
    found = tell(driven.store, backtest, MODEL, driven, [("swapped", day(2), day(4))])
    assert {
        "requests": 3,
        "answers": 2,
        "journalled": {"champion": 2, "candidate": 1},
        "notifications": {"delivered": 1},
        "runs": {"train": 0, "roll_out": 0, "monitor": 1},
    } == found["counts"]
    assert ([1, 2], [("degraded", "injected")], ["alert degraded fired"]) == (
        [window["number"] for window in found["windows"]],
        [(alert["rule"], alert["cause"]) for alert in found["alerts"]],
        [entry["text"] for entry in found["timeline"]],
    )
