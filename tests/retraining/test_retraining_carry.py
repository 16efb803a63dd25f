from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import insert

from headrace import registry
from headrace.retraining import Decision, OnAlert, OnSchedule, Trigger, carry
from headrace.store import EventKind, Store, clock, due, events
from headrace.store.kinds import AlertState, RunStatus
from headrace.store.tables import Alert, Due, Outcome, Prediction, Run

MONDAY = datetime(2026, 7, 6, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL = "employment"
DEGRADED = OnAlert("degraded", alert="degraded", cooldown=7 * DAY, new_labels=2)
WEEKLY = OnSchedule("weekly", cron="0 3 * * 1", cooldown=DAY)
SAID = (EventKind.RETRAINING_REQUESTED, EventKind.RETRAINING_DECLINED)


@dataclass
class Place:
    """A store with a champion that was trained 30 days ago, and monitor runs that ask."""

    store: Store
    runs: int = 0

    def write(self, work: Callable[[Any], Any]) -> Any:
        with self.store.transaction("test", "arrange", MODEL) as session:
            return work(session)

    def fire(self, at: datetime = MONDAY - DAY) -> str:
        row = Alert(fingerprint="f", model=MODEL, rule="degraded", state=AlertState.FIRING, since=at, details={})
        self.write(lambda session: session.merge(row))
        event = self.write(
            lambda session: events.append(session, model=MODEL, kind=EventKind.ALERT_FIRED, payload={"alert": "degraded"}, at=at)
        )
        return str(event.id)

    def labels(self, n: int) -> None:
        at = MONDAY - DAY
        empty = {"model": MODEL, "version": 1, "arm": "champion", "epoch": 1, "at": at, "recorded_at": at, "latency_us": 1, "inputs": {}}
        rows = [{**empty, "id": f"p{i}", "entity": str(i), "output": 0.5, "error": None, "unseen": []} for i in range(n)]
        known = [{"model": MODEL, "entity": str(i), "value": 1.0, "known_at": at} for i in range(n)]
        self.write(lambda session: (session.execute(insert(Prediction), rows), session.execute(insert(Outcome), known)))

    def run(self, flow: str, at: datetime, *, status: RunStatus = RunStatus.PASSED, cause: str | None = None) -> str:
        self.runs += 1
        name = f"{flow}-{self.runs}"

        def work(session: Any) -> None:
            session.add(Run(id=name, model=MODEL, flow=flow, started_at=at, status=status, details={}, cause=cause))
            payload = {"run_id": name, "flow": flow}
            events.append(session, model=MODEL, kind=EventKind.RUN_STARTED, payload=payload, at=at, cause=cause)

        self.write(work)
        return name

    def ask(self, *triggers: Trigger, at: datetime = MONDAY, run_id: str | None = None) -> Decision:
        clock.drive(self.store, "test", at)
        run_id = run_id or self.run("monitor", at)
        return carry.carry_out(self.store, triggers, model=MODEL, run_id=run_id, actor="service:monitor")

    def said(self) -> list[tuple[str, str | None]]:
        with self.store.read() as session:
            return [(event.kind.value.removeprefix("retraining."), event.payload.get("why")) for event in events.log(session, MODEL, SAID)]

    def due(self) -> datetime | None:
        with self.store.read() as session:
            found = session.get(Due, (MODEL, "monitor"))
            return None if found is None else found.at


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    store = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    made = Place(store)
    manifest = {
        "as_of": (MONDAY - 30 * DAY).isoformat(),
        "digests": dict.fromkeys(("data", "spec", "code", "environment"), f"sha256:{0:064}"),
    }
    registry.register(
        store, actor="t", model=MODEL, run_id="r", manifest=manifest, model_bytes=b"m", algorithm="a", format="f", at=MONDAY - 30 * DAY
    )
    made.write(lambda session: registry.promote(session, model=MODEL, number=1, at=MONDAY - 30 * DAY, reason="test"))
    made.run("train", MONDAY - 30 * DAY)
    yield made
    store.close()


@pytest.fixture
def ripe(place: Place) -> Place:
    """Degraded, with labels enough."""
    place.fire()
    place.labels(2)
    return place


def test_an_alert_with_labels_enough_requests_a_training(ripe: Place) -> None:
    decision = ripe.ask(DEGRADED)
    with ripe.store.read() as session:
        (event,) = events.unanswered(session, MODEL)
    assert (True, "headrace.retraining.requested", event.id) == (decision.passed, decision.event, decision.event_id)
    assert decision.payload == {
        "id": event.id,
        "model": MODEL,
        "trigger": "degraded",
        "alert": "degraded",
        "since": (MONDAY - DAY).isoformat(),
        "schedule": None,
        "new_labels": 2,
        "needed_labels": 2,
        "run_id": "monitor-2",
        "reason": "alert.degraded fires since 2026-07-05 12:00 UTC",
    }
    assert event.successor == "train"


def test_a_request_names_the_alert_that_caused_it(place: Place) -> None:
    fired = place.fire()
    place.labels(2)
    decision = place.ask(DEGRADED)
    with place.store.read() as session:
        (event,) = events.log(session, MODEL, [EventKind.RETRAINING_REQUESTED])
    assert (fired, decision.event_id) == (event.cause, event.id)


def test_the_same_run_gets_the_same_request_again(ripe: Place) -> None:
    run_id = ripe.run("monitor", MONDAY)
    assert ripe.ask(DEGRADED, run_id=run_id) == ripe.ask(DEGRADED, run_id=run_id)
    assert ripe.said() == [("requested", None)]


def test_nothing_is_requested_twice_while_no_run_has_answered(ripe: Place) -> None:
    ripe.ask(DEGRADED)
    later = ripe.ask(DEGRADED, at=MONDAY + DAY)
    assert (False, [("requested", None), ("declined", "already_requested")]) == (later.passed, ripe.said())


def test_a_training_that_runs_is_waited_for(ripe: Place) -> None:
    ripe.run("train", MONDAY - 10 * DAY, status=RunStatus.RUNNING)
    assert ripe.ask(DEGRADED).payload["why"] == "training"


def test_a_training_that_was_killed_long_ago_is_not_waited_for(ripe: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ripe.run("train", MONDAY - 10 * DAY, status=RunStatus.RUNNING)
    wall = clock.wall() + timedelta(hours=13)
    monkeypatch.setattr(carry.clock, "wall", lambda: wall)
    assert ripe.ask(DEGRADED).passed


def test_a_candidate_is_not_replaced(ripe: Place) -> None:
    ripe.write(lambda session: registry.move(session, model=MODEL, alias="candidate", number=1, at=MONDAY, reason="test"))
    assert ripe.ask(DEGRADED).payload["why"] == "candidate"


def test_the_cooldown_counts_from_the_start_of_the_last_training(ripe: Place) -> None:
    ripe.run("train", MONDAY - 6 * DAY)
    early, late = ripe.ask(DEGRADED), ripe.ask(DEGRADED, at=MONDAY + DAY)
    assert (["cooldown"], True) == ([early.payload["why"]], late.passed)


def test_labels_that_the_champion_knew_do_not_count(place: Place) -> None:
    place.fire()
    place.labels(1)
    decision = place.ask(DEGRADED)
    assert ("new_labels", "1 new labels are known, and 2 are needed") == (decision.payload["why"], decision.payload["reason"])


def test_a_reason_is_written_once_for_as_long_as_it_stays(place: Place) -> None:
    place.fire()
    for day in range(3):
        place.ask(DEGRADED, at=MONDAY + day * DAY)
    place.run("train", MONDAY + 3 * DAY)
    for day in range(4, 6):
        place.ask(DEGRADED, at=MONDAY + day * DAY)
    place.fire(MONDAY + 5 * DAY)  # resolved meanwhile, and fires anew
    place.ask(DEGRADED, at=MONDAY + 6 * DAY)
    assert [("declined", "new_labels"), ("declined", "cooldown"), ("declined", "cooldown")] == place.said()


def test_without_an_alert_nothing_is_written(place: Place) -> None:
    assert (Decision(passed=False, event="headrace.retraining.declined", event_id="", payload={"model": MODEL}), []) == (
        place.ask(DEGRADED),
        place.said(),
    )


def test_a_schedule_requests_at_the_look_after_its_tick_and_once(place: Place) -> None:
    place.ask(DEGRADED, at=MONDAY - 2 * DAY)
    ticked = place.ask(WEEKLY)
    place.run("train", MONDAY, cause=ticked.event_id)
    again = place.ask(WEEKLY, at=MONDAY + 2 * DAY)
    assert (True, "schedule `0 3 * * 1`", False) == (ticked.passed, ticked.payload["reason"], again.passed)


def test_the_first_look_at_a_model_counts_the_ticks_since_its_champion(place: Place) -> None:
    assert place.ask(WEEKLY).passed


def test_a_tick_that_met_a_candidate_is_asked_again_when_it_is_gone(place: Place) -> None:
    place.write(lambda session: registry.move(session, model=MODEL, alias="candidate", number=1, at=MONDAY, reason="test"))
    met = place.ask(WEEKLY)
    place.write(lambda session: registry.move(session, model=MODEL, alias="candidate", number=None, at=MONDAY, reason="test"))
    later = place.ask(WEEKLY, at=MONDAY + DAY)
    assert ("candidate", True) == (met.payload["why"], later.passed)


def test_a_tick_that_met_a_candidate_is_answered_by_a_training_since(place: Place) -> None:
    place.write(lambda session: registry.move(session, model=MODEL, alias="candidate", number=1, at=MONDAY, reason="test"))
    place.ask(WEEKLY)
    place.write(lambda session: registry.move(session, model=MODEL, alias="candidate", number=None, at=MONDAY, reason="test"))
    place.run("train", MONDAY + timedelta(hours=1))
    assert not place.ask(WEEKLY, at=MONDAY + 2 * DAY).passed


def test_a_look_that_was_killed_before_it_asked_loses_no_tick(place: Place) -> None:
    place.ask(DEGRADED, at=MONDAY - 2 * DAY)
    place.run("monitor", MONDAY, status=RunStatus.FAILED)
    assert place.ask(WEEKLY, at=MONDAY + timedelta(hours=1)).passed


def test_the_next_tick_is_when_monitor_is_due_if_that_is_sooner(place: Place) -> None:
    place.write(lambda session: due.put(session, MODEL, "monitor", MONDAY + 40 * DAY, "every"))
    place.ask(WEEKLY)
    tick = place.due()
    place.write(lambda session: due.put(session, MODEL, "monitor", MONDAY + DAY, "every"))
    place.ask(WEEKLY)
    assert (datetime(2026, 7, 13, 3, tzinfo=UTC), MONDAY + DAY) == (tick, place.due())


def test_a_model_without_a_champion_is_asked_as_well(tmp_path: Path) -> None:
    place = Place(Store.open("sqlite:///state.db", "blobs", root=tmp_path))
    place.fire()
    place.labels(2)
    assert place.ask(DEGRADED).passed


def test_a_run_says_that_its_triggers_were_asked(ripe: Place) -> None:
    decision = ripe.ask(DEGRADED)
    with ripe.store.read() as session:
        run = session.get(Run, decision.payload["run_id"])
    assert {"retraining": {"passed": True, "event": decision.event_id}} == run.details
