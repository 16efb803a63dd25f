"""Reading the journal: each request once, with the outcome that is its own."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import insert

from headrace.journal import Spool, reader, ship
from headrace.journal.records import decode, encode
from headrace.store import Store
from headrace.store.tables import Outcome, Prediction

AT = datetime(2016, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(days=365)
DAY = timedelta(days=1)


@pytest.fixture
def journalled(folder: Path, store: Store):
    def journal(*records) -> None:
        spool = Spool.open(folder)
        for record in records:
            spool.append(record)
        spool.close()
        ship(store, folder)

    return journal


def requests(store: Store, after_seq: int = 0, limit: int = 1000) -> pd.DataFrame:
    with store.read() as session:
        return reader.requests(session, "employment", after_seq, limit)


def labelled(store: Store, known_by: datetime = LATER) -> pd.DataFrame:
    with store.read() as session:
        return reader.labelled(session, "employment", known_by)


def pairs(store: Store, known_by: datetime = LATER) -> list[tuple[int, float]]:
    return list(labelled(store, known_by)[["seq", "value"]].itertuples(index=False, name=None))


def test_a_frame_of_requests_has_typed_columns(store: Store, journalled, prediction) -> None:
    record = prediction(1, unseen=("education",))
    journalled(record, prediction(2, output=None, error="late", version=2))
    frame = requests(store)

    assert [
        (1, record.id, 1, "champion", "1", pd.Timestamp(record.at), 0.25, ["education"], record.inputs, None),
    ] == list(frame.itertuples(index=False, name=None))
    assert ("float64", "datetime64[ns, UTC]", "int64") == tuple(str(frame[name].dtype) for name in ("output", "at", "version"))


def test_requests_are_those_of_the_model_after_a_place_and_at_most_so_many(store: Store, journalled, prediction) -> None:
    journalled(*(prediction(person) for person in range(5)), prediction(9, model="other"))

    assert [2, 3] == requests(store, after_seq=1, limit=2)["seq"].tolist()


def test_what_failed_and_what_was_asked_again_after_an_answer_is_no_request(store: Store, journalled, prediction) -> None:
    journalled(
        prediction(1, output=None, error="late"),
        prediction(1),
        prediction(1),  # a repetition: the same person, moment and answer
        prediction(1, output=0.75),
        prediction(1, at=AT + DAY),
    )

    assert [2, 4, 5] == requests(store)["seq"].tolist()


@pytest.mark.parametrize("read", [requests, labelled])
def test_a_journal_with_nothing_in_it_is_a_frame_without_rows_and_with_its_columns(read, store: Store, journalled, prediction) -> None:
    empty = read(store)
    journalled(prediction())

    assert (0, "int64", "float64", "datetime64[ns, UTC]") == (len(empty), *(str(empty[name].dtype) for name in ("seq", "output", "at")))
    assert list(requests(store).columns) == list(empty.columns[:10])


def test_a_labelled_request_has_what_turned_out(store: Store, journalled, prediction, outcome) -> None:
    known = outcome(1)
    journalled(prediction(1), prediction(2), known)
    frame = labelled(store)

    assert [("1", 1.0, pd.Timestamp(known.known_at))] == list(frame[["entity", "value", "known_at"]].itertuples(index=False, name=None))


def test_only_what_was_known_by_then_and_after_its_request_counts(store: Store, journalled, prediction, outcome) -> None:
    known = outcome(1)
    journalled(prediction(1), known, prediction(2, at=known.known_at + timedelta(seconds=1)), outcome(2, known_at=AT))

    assert (["1"], ["1"], []) == (
        labelled(store)["entity"].tolist(),
        labelled(store, known.known_at)["entity"].tolist(),
        labelled(store, known.known_at - timedelta(microseconds=1))["entity"].tolist(),
    )


def test_an_entity_that_is_asked_twice_has_an_answer_to_each_request(store: Store, journalled, prediction, outcome) -> None:
    journalled(
        prediction(1, at=AT),
        outcome(1, value=0.0, known_at=AT + 30 * DAY),
        prediction(1, at=AT + 40 * DAY),
        outcome(1, value=1.0, known_at=AT + 70 * DAY),
    )

    assert ([(1, 0.0)], [(1, 0.0), (2, 1.0)]) == (pairs(store, AT + 69 * DAY), pairs(store))


def test_an_outcome_belongs_to_the_last_request_before_it_that_was_answered(store: Store, journalled, prediction, outcome) -> None:
    journalled(
        prediction(1, at=AT),
        prediction(1, at=AT + DAY),
        prediction(1, at=AT + 2 * DAY, output=None, error="late"),
        prediction(1, at=AT + 40 * DAY),
        outcome(1, known_at=AT + 30 * DAY),
    )

    assert [(2, 1.0)] == pairs(store)


def test_of_the_outcomes_after_a_request_the_first_is_its_own(store: Store, journalled, prediction, outcome) -> None:
    journalled(prediction(1, at=AT), outcome(1, value=0.0, known_at=AT + 31 * DAY), outcome(1, value=1.0, known_at=AT + 30 * DAY))

    assert [(1, 1.0)] == pairs(store)


def test_an_outcome_known_at_the_moment_of_the_request_is_its_own(store: Store, journalled, prediction, outcome) -> None:
    journalled(prediction(1, at=AT), outcome(1, known_at=AT))

    assert [(1, 1.0)] == pairs(store)


def test_a_repetition_takes_no_outcome_from_the_request(store: Store, journalled, prediction, outcome) -> None:
    journalled(prediction(1, output=None, error="late", arm="candidate"), prediction(1), prediction(1), outcome(1))

    assert [(2, 1.0)] == pairs(store)


def test_labels_are_those_of_the_model(store: Store, journalled, prediction, outcome) -> None:
    journalled(prediction(1), outcome(1, model="other"), prediction(2, model="other"), outcome(2))

    assert [] == labelled(store)["entity"].tolist()


def test_new_labels_are_those_of_requests_after_and_up_to(store: Store, journalled, prediction, outcome) -> None:
    known = [outcome(person) for person in range(4)]
    journalled(*(prediction(person) for person in range(3)), *known)

    with store.read() as session:
        assert 1 == reader.new_labels(session, "employment", known[1].known_at, known[3].known_at)


def test_an_answer_that_is_told_again_or_came_before_its_request_is_no_new_label(store: Store, journalled, prediction, outcome) -> None:
    journalled(
        prediction(1, at=AT),
        outcome(1, known_at=AT + 30 * DAY),
        outcome(1, known_at=AT + 31 * DAY),
        outcome(2, known_at=AT),
        prediction(2, at=AT + DAY),
    )

    with store.read() as session:
        assert (1, 0) == tuple(reader.new_labels(session, "employment", since, LATER) for since in (AT - DAY, AT + 30 * DAY))


def test_outcomes_of_a_stretch_are_the_requests_with_what_is_known_of_them(store: Store, journalled, prediction, outcome) -> None:
    journalled(
        prediction(1), prediction(2, version=2, output=0.5), prediction(2, version=2, output=0.5), prediction(3), outcome(2), outcome(3)
    )

    with store.read() as session:
        assert [(1, 0.25, None), (2, 0.5, 1.0)] == reader.outcomes(session, "employment", 1, 3, LATER)


MOMENTS = st.integers(0, 6)
ENTITIES = st.sampled_from(["a", "b"])


def test_all_readers_pair_as_a_walk_through_time_does(store: Store) -> None:
    models = (f"model-{n}" for n in count())

    @given(
        st.lists(st.tuples(ENTITIES, MOMENTS, st.sampled_from([None, 0.25, 0.5])), max_size=12),
        st.sets(st.tuples(ENTITIES, MOMENTS), max_size=8),
        MOMENTS,
    )
    @settings(max_examples=100, deadline=None)
    def holds(asked, known, by) -> None:
        model, moment = next(models), AT + by * DAY
        write(store, asked, known, model)
        with store.read() as session:
            frame = reader.labelled(session, model, moment)
            ids = reader.requests(session, model, 0, 100)["id"].tolist()
            rows = reader.outcomes(session, model, 0, 2**62, moment)
            new = [reader.new_labels(session, model, AT + since * DAY, moment) for since in range(-1, 7)]

        by_walk = walk(asked, known, by)
        assert {f"{model}/{n}": at for n, at in by_walk.items()} == dict(zip(frame["id"], frame["value"], strict=True))
        assert [by_walk.get(int(name.split("/")[1])) for name in ids] == [value for _, _, value in rows]
        assert [sum(at > since for at in by_walk.values()) for since in range(-1, 7)] == new

    holds()


def walk(asked, known, by) -> dict[int, int]:
    """By request, when its outcome was known: through time, an outcome answers what was asked last, if it is the first to do so."""
    found: dict[int, int] = {}
    for entity in ("a", "b"):
        # Of requests of one moment the first stands last, right before an outcome.
        told = [(at, 0, -n) for n, (whose, at, output) in enumerate(asked) if whose == entity and output is not None]
        told += [(at, 1, 0) for whose, at in known if whose == entity and at <= by]
        waiting = None
        for at, kind, place in sorted(told):
            if kind == 0:
                waiting = -place
            elif waiting is not None:
                found[waiting] = at
                waiting = None
    return found


def write(store: Store, asked, known, model: str = "employment") -> None:
    """Requests (entity, day, output or None), and outcomes (entity, day) whose value is their day."""
    same = {"model": model, "version": 1, "arm": "champion", "epoch": 1, "recorded_at": AT, "latency_us": 1, "inputs": {}, "unseen": []}
    predictions = [
        {**same, "id": f"{model}/{n}", "entity": entity, "at": AT + at * DAY, "output": output, "error": None if output else "late"}
        for n, (entity, at, output) in enumerate(asked)
    ]
    outcomes = [{"model": model, "entity": entity, "value": float(at), "known_at": AT + at * DAY} for entity, at in known]
    with store.transaction("test", "journal", model) as session:
        for table, rows in ((Prediction, predictions), (Outcome, outcomes)):
            if rows:
                session.execute(insert(table), rows)


@pytest.mark.parametrize(
    "read",
    [
        lambda session: reader.requests(session, "employment", 7, 100),
        lambda session: reader.outcomes(session, "employment", 7, 9, LATER),
        lambda session: reader.labelled(session, "employment", LATER),
        lambda session: reader.new_labels(session, "employment", AT, LATER),
    ],
)
def test_every_row_is_found_by_an_index(read, store: Store) -> None:
    asked: list[tuple[str, object]] = []
    event.listen(store.engine, "before_cursor_execute", lambda _c, _k, text, values, _x, _m: asked.append((text, values)))
    with store.read() as session:
        read(session)
        queries = [(text, values) for text, values in asked if text.startswith("SELECT")]
        plan = [row[-1] for text, values in queries for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]

    assert (True, []) == (len(plan) > 1, [line for line in plan if line.startswith("SCAN")])


def test_a_large_spool_is_shipped_and_joined_whole(store: Store, journalled, prediction, outcome) -> None:
    n = 20_000
    journalled(*(prediction(person) for person in range(n)), *(outcome(person) for person in range(n)))

    assert n == len(labelled(store))


def test_one_entity_asked_often_is_paired_as_fast_as_many(store: Store) -> None:
    n = 20_000  # each request against each outcome would be 200 million pairs, and minutes
    moments = [("a", hours / 24, 0.5) for hours in range(n)]
    write(store, moments, {("a", (hours + 0.5) / 24) for hours in range(n)})

    assert n == len(labelled(store, AT + n * DAY))


def test_an_answer_of_several_numbers_and_an_outcome_that_is_a_class_come_back(store: Store, journalled, prediction, outcome) -> None:
    probabilities = {"cat": 0.7, "d\u00f6g": 0.3}
    journalled(
        prediction(1, output=0.7, answer=probabilities),
        outcome(1, label="d\u00f6g"),
        prediction(2),
        outcome(2),
        prediction(3, output=0.7, answer=probabilities),
    )

    assert [probabilities, None, probabilities] == requests(store)["answer"].tolist()
    assert [("1", 1.0, "d\u00f6g"), ("2", 1.0, None)] == list(
        labelled(store)[["entity", "value", "label"]].itertuples(index=False, name=None)
    )
    with store.read() as session:
        told = reader.outcomes(session, "employment", 1, 9, AT + 400 * DAY)
    assert [(1, probabilities, "d\u00f6g"), (1, 0.25, 1.0), (1, probabilities, None)] == told


def test_records_as_they_were_written_earlier_are_read(prediction, outcome) -> None:
    given = prediction(1, unseen=("age",))
    fields = [7, *given._replace(at=int(AT.timestamp()) * 1_000_000)]
    bodies = [orjson.dumps([1, *fields[:-1]]), orjson.dumps([1, *fields[:-1], {"a": 0.5}])]

    plain = given._replace(at=AT)
    assert [plain, plain._replace(answer={"a": 0.5})] == [decode(body).record for body in bodies]
    assert outcome(1) == decode(orjson.dumps(orjson.loads(encode(outcome(1), AT))[:6])).record
