"""The book of runs: one run an event, and every run ends."""

from datetime import UTC, datetime

import pytest
from sqlmodel import select

from headrace.diagnostics import Exit, HeadraceError
from headrace.steps import run
from headrace.store import events, tables
from headrace.store.events import EventKind

AT = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def cause(place):
    """An event that asks for a training."""
    with place.store.transaction("test", "ask", "churn") as session:
        return events.append(session, model="churn", kind=EventKind.RETRAINING_REQUESTED, payload={}, at=AT, successor="train").id


def book(place):
    with place.store.read() as session:
        rows = session.exec(select(tables.Run).order_by(tables.Run.started_at)).all()
        told = [(event.kind, event.cause) for event in events.log(session, "churn", [EventKind.RUN_STARTED, EventKind.RUN_ENDED])]
        return [(row.status, row.cause) for row in rows], told


def only(place):
    with place.store.read() as session:
        return session.exec(select(tables.Run)).one()


def test_a_run_of_one_step_starts_and_ends(place, cause):
    with run.running(place, model="churn", flow="train", cause=cause, last=True):
        pass
    assert ([("passed", cause)], [("run.started", cause), ("run.ended", cause)]) == book(place)


def test_a_started_run_answers_its_event(place, cause):
    with place.store.read() as session:
        before = [event.id for event in events.unanswered(session, "churn")]
    run.start(place, model="churn", flow="train", cause=cause)
    with place.store.read() as session:
        assert ([cause], []) == (before, events.unanswered(session, "churn"))


def test_later_steps_work_in_the_same_run(place):
    with run.running(place, model="churn", flow="train") as first:
        first.details["rows"] = 3
    with run.running(place, model="churn", flow="train", run_id=first.id, last=True) as second:
        second.details["verdict"] = True
    row = only(place)
    assert (first.id, "passed", {"rows": 3, "verdict": True}, True) == (second.id, row.status, row.details, row.ended_at is not None)


def test_a_step_that_raises_ends_the_run_as_failed_and_goes_on_raising(place):
    with pytest.raises(ZeroDivisionError), run.running(place, model="churn", flow="train"):
        _ = 1 / 0
    assert ("failed", {"error": "ZeroDivisionError: division by zero"}) == (only(place).status, only(place).details)


def test_a_step_tried_again_takes_the_failed_run_up_again(place, cause):
    with pytest.raises(ZeroDivisionError), run.running(place, model="churn", flow="train", cause=cause):
        _ = 1 / 0
    with run.running(place, model="churn", flow="train", cause=cause, last=True):
        pass
    kinds = ["run.started", "run.ended", "run.started", "run.ended"]
    assert ([("passed", cause)], [(kind, cause) for kind in kinds]) == book(place)


def test_a_later_step_tried_again_takes_the_failed_run_up_again(place):
    run_id = run.start(place, model="churn", flow="train")
    with pytest.raises(ZeroDivisionError), run.running(place, model="churn", flow="train", run_id=run_id):
        _ = 1 / 0
    with run.running(place, model="churn", flow="train", run_id=run_id, last=True):
        pass
    assert [("passed", None)] == book(place)[0]


def test_an_event_delivered_twice_is_one_run(place, cause):
    assert run.start(place, model="churn", flow="train", cause=cause) == run.start(place, model="churn", flow="train", cause=cause)
    assert [("running", cause)] == book(place)[0]


def test_an_answered_event_is_refused(place, cause):
    with run.running(place, model="churn", flow="train", cause=cause, last=True):
        pass
    with pytest.raises(HeadraceError, match="already-answered") as raised:
        run.start(place, model="churn", flow="train", cause=cause)
    assert (Exit.REFUSED, 1) == (raised.value.code, len(book(place)[0]))


def test_runs_without_a_cause_are_each_their_own(place):
    assert run.start(place, model="churn", flow="train") != run.start(place, model="churn", flow="train")


def test_a_cause_speaks_of_one_flow(place, cause):
    assert run.start(place, model="churn", flow="train", cause=cause) != run.start(place, model="churn", flow="roll_out", cause=cause)


def test_a_run_knows_as_of_when(place):
    run.start(place, model="churn", flow="train", as_of=AT.replace(tzinfo=None))
    assert AT == only(place).as_of


def test_a_run_that_passed_stays_passed_when_its_last_step_is_tried_again(place):
    run_id = run.start(place, model="churn", flow="train")
    for _ in range(2):
        with run.running(place, model="churn", flow="train", run_id=run_id, last=True):
            pass
    assert (["run.started", "run.ended"], "passed") == ([kind for kind, _ in book(place)[1]], only(place).status)


def test_a_run_of_another_store_is_not_known(place):
    with pytest.raises(HeadraceError, match="no-run"), run.running(place, model="churn", flow="train", run_id="lost"):
        pass
