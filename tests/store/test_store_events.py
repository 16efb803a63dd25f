"""The log of events, and what is due."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from headrace.store import EventKind, Store, due, events

AT = datetime(2016, 1, 1, tzinfo=UTC)


def append(store: Store, kind: EventKind, model: str = "employment", **more) -> events.Event:
    with store.transaction("user:ana", "append", model) as session:
        return events.append(session, model=model, kind=kind, payload={}, at=AT, **more)


def test_the_log_of_a_model_is_in_the_order_of_writing(store: Store) -> None:
    kinds = [EventKind.RUN_STARTED, EventKind.CANDIDATE_REGISTERED, EventKind.RUN_ENDED]
    for kind in kinds:
        append(store, kind)
    append(store, EventKind.ALERT_FIRED, model="other")

    with store.read() as session:
        assert kinds == [event.kind for event in events.log(session, "employment")]


def test_the_log_can_be_read_from_a_place_on_and_by_kind(store: Store) -> None:
    for kind in (EventKind.RUN_STARTED, EventKind.RUN_ENDED, EventKind.RUN_STARTED, EventKind.RUN_ENDED):
        append(store, kind)

    with store.read() as session:
        assert [4] == [event.seq for event in events.log(session, "employment", [EventKind.RUN_ENDED], after=2)]


def test_an_event_that_should_start_a_flow_is_unanswered_until_a_run_names_it(store: Store) -> None:
    passed = append(store, EventKind.CANDIDATE_PASSED, successor="roll_out")
    requested = append(store, EventKind.RETRAINING_REQUESTED, successor="train")
    append(store, EventKind.GATES_JUDGED)
    append(store, EventKind.RUN_STARTED)
    append(store, EventKind.RUN_STARTED, cause=passed.id)

    with store.read() as session:
        assert [requested.id] == [event.id for event in events.unanswered(session, "employment")]


def test_an_event_named_as_the_cause_of_something_else_is_still_unanswered(store: Store) -> None:
    passed = append(store, EventKind.CANDIDATE_PASSED, successor="roll_out")
    append(store, EventKind.ALIAS_MOVED, cause=passed.id)

    with store.read() as session:
        assert [passed.id] == [event.id for event in events.unanswered(session, "employment")]


def test_an_event_s_id_is_written_once(store: Store) -> None:
    append(store, EventKind.RUN_STARTED, id="a" * 32)

    with pytest.raises(IntegrityError):
        append(store, EventKind.RUN_STARTED, id="a" * 32)


def test_a_successor_is_a_flow(store: Store) -> None:
    with pytest.raises(ValueError, match="deploy"):
        append(store, EventKind.CANDIDATE_PASSED, successor="deploy")


def test_what_is_due_comes_soonest_first_and_only_by_then(store: Store) -> None:
    with store.transaction("user:ana", "plan", "employment") as session:
        due.put(session, "employment", "monitor", AT + timedelta(days=2), "every 6 weeks")
        due.put(session, "employment", "roll_out", AT + timedelta(days=1), "hold")
        due.put(session, "employment", "train", AT + timedelta(days=3), "cron")

    with store.read() as session:
        assert ["roll_out", "monitor"] == [row.flow for row in due.list(session, by=AT + timedelta(days=2))]


def test_a_flow_is_due_once_and_what_is_said_last_holds(store: Store) -> None:
    with store.transaction("user:ana", "plan", "employment") as session:
        due.put(session, "employment", "monitor", AT, "first")
        due.put(session, "employment", "monitor", AT + timedelta(days=1), "second")

    with store.read() as session:
        assert [(AT + timedelta(days=1), "second")] == [(row.at, row.reason) for row in due.list(session)]


def test_what_was_due_can_be_dropped_also_twice(store: Store) -> None:
    with store.transaction("user:ana", "plan", "employment") as session:
        due.put(session, "employment", "monitor", AT, "x")
        due.drop(session, "employment", "monitor")
        due.drop(session, "employment", "monitor")

    with store.read() as session:
        assert [] == due.list(session)
