"""What must always hold of the store: values come back as they were, time does not go back, nobody is forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.diagnostics import HeadraceError
from headrace.store import EventKind, Store, clock, digest, events

AT = datetime(2016, 1, 1, tzinfo=UTC)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001 - the zone is given beside
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with TemporaryDirectory() as folder:
        opened = Store.open("sqlite:///state.db", "blobs", root=Path(folder))
        yield opened
        opened.close()


def encodable(value: object) -> bool:
    return "\\ud" not in ascii(value)


@few
@given(payload=st.dictionaries(st.text(), json, max_size=4).filter(encodable), at=moments)
def test_an_event_comes_back_as_it_was_written(store: Store, payload: dict[str, object], at: datetime) -> None:
    with store.transaction("user:ana", "append", "m") as session:
        written = events.append(session, model="m", kind=EventKind.RUN_STARTED, payload=payload, at=at)
    with store.read() as session:
        (found,) = events.log(session, "m", after=(written.seq or 0) - 1)

    assert (payload, at, UTC) == (found.payload, found.at, found.at.tzinfo)


@few
@given(at=st.lists(moments, min_size=2, max_size=6))
def test_the_order_of_moments_is_the_database_s_order(store: Store, at: list[datetime]) -> None:
    from headrace.store import due

    with store.transaction("user:ana", "plan", "m") as session:
        for row in due.list(session):
            due.drop(session, row.model, row.flow)
        for number, moment in enumerate(at):
            due.put(session, f"m{number}", "train", moment, "x")
        found = [row.at for row in due.list(session)]
        by = {row.at for row in due.list(session, by=at[0])}

    assert (sorted(at), {moment for moment in at if moment <= at[0]}) == (found, by)


@few
@given(steps=st.lists(st.integers(-3, 10), max_size=8))
def test_a_driven_clock_never_goes_back(store: Store, steps: list[int]) -> None:
    clock.drive(store, "replay", AT)
    shown = [AT]
    for step in steps:
        try:
            clock.advance(store, "replay", shown[-1] + timedelta(days=step))
        except HeadraceError:
            assert step < 0
        shown.append(store.clock.now())
    clock.release(store, "replay")

    assert all(before <= after for before, after in pairwise(shown))


@few
@given(data=st.binary(max_size=200))
def test_a_blob_comes_back_under_its_digest(store: Store, data: bytes) -> None:
    assert (digest(data), data) == (store.blobs.put(data), store.blobs.get(digest(data)))


@few
@given(actions=st.lists(st.sampled_from(["answer", "start", "ask"]), max_size=8))
def test_what_is_unanswered_is_what_was_asked_and_not_yet_answered(store: Store, actions: list[str]) -> None:
    open_ids: list[str] = []
    with store.transaction("user:ana", "append", "q") as session:
        for event in events.unanswered(session, "q"):
            events.append(session, model="q", kind=EventKind.RUN_STARTED, payload={}, at=AT, cause=event.id)
        for action in actions:
            if action == "ask":
                asked = events.append(session, model="q", kind=EventKind.RETRAINING_REQUESTED, payload={}, at=AT, successor="train")
                open_ids.append(asked.id)
            else:
                cause = open_ids.pop(0) if action == "answer" and open_ids else None
                events.append(session, model="q", kind=EventKind.RUN_STARTED, payload={}, at=AT, cause=cause)
        assert open_ids == [event.id for event in events.unanswered(session, "q")]
