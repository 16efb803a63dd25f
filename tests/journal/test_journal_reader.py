"""Reading the journal as frames."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from headrace.journal import Spool, reader, ship
from headrace.store import Store

AT = datetime(2016, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(days=365)


@pytest.fixture
def journalled(folder: Path, store: Store):
    def journal(*records) -> None:
        spool = Spool.open(folder)
        for record in records:
            spool.append(record)
        spool.close()
        ship(store, folder)

    return journal


def predictions(store: Store, after_seq: int = 0, limit: int | None = None) -> pd.DataFrame:
    with store.read() as session:
        return reader.predictions(session, "employment", after_seq, limit)


def labelled(store: Store, known_by: datetime = LATER, after_seq: int = 0) -> pd.DataFrame:
    with store.read() as session:
        return reader.labelled(session, "employment", known_by, after_seq)


def test_a_frame_of_predictions_has_typed_columns(store: Store, journalled, prediction) -> None:
    record = prediction(1, unseen=("education",))
    journalled(record, prediction(2, output=None, error="late", version=2))
    frame = predictions(store)

    assert [
        (1, record.id, 1, "champion", "1", pd.Timestamp(record.at), 0.25, None, ["education"], record.inputs),
    ] == list(frame.head(1).itertuples(index=False, name=None))
    assert (True, "late", "float64", "datetime64[ns, UTC]", "int64") == (
        bool(frame["output"].isna()[1]),
        frame["error"][1],
        *(str(frame[name].dtype) for name in ("output", "at", "version")),
    )


def test_predictions_are_those_of_the_model_after_a_place_and_at_most_so_many(store: Store, journalled, prediction) -> None:
    journalled(*(prediction(person) for person in range(5)), prediction(9, model="other"))

    assert [2, 3] == predictions(store, after_seq=1, limit=2)["seq"].tolist()


@pytest.mark.parametrize("read", [predictions, labelled])
def test_a_journal_with_nothing_in_it_is_a_frame_without_rows_and_with_its_columns(read, store: Store, journalled, prediction) -> None:
    empty = read(store)
    journalled(prediction())

    assert (0, "int64", "float64", "datetime64[ns, UTC]") == (len(empty), *(str(empty[name].dtype) for name in ("seq", "output", "at")))
    assert list(predictions(store).columns) == list(empty.columns[:10])
    assert 0 == len(reader.inputs(empty))


def test_a_labelled_prediction_has_what_turned_out(store: Store, journalled, prediction, outcome) -> None:
    known = outcome(1)
    journalled(prediction(1), prediction(2), known)
    frame = labelled(store)

    assert [("1", 1.0, pd.Timestamp(known.known_at))] == list(frame[["entity", "value", "known_at"]].itertuples(index=False, name=None))


def test_only_what_was_known_and_predicted_by_then_counts(store: Store, journalled, prediction, outcome) -> None:
    known = outcome(1)
    journalled(prediction(1), known, prediction(2, at=known.known_at + timedelta(seconds=1)), outcome(2, known_at=AT))

    assert (["1"], []) == (
        labelled(store, known.known_at)["entity"].tolist(),
        labelled(store, known.known_at - timedelta(microseconds=1))["entity"].tolist(),
    )


def test_the_first_prediction_of_an_entity_that_gave_an_answer_counts(store: Store, journalled, prediction, outcome) -> None:
    journalled(prediction(1, output=None, error="late", arm="candidate"), prediction(1, output=0.5), prediction(1, output=0.75), outcome(1))

    assert [0.5] == labelled(store)["output"].tolist()
    assert [] == labelled(store, after_seq=2)["output"].tolist()


def test_labels_are_those_of_the_model(store: Store, journalled, prediction, outcome) -> None:
    journalled(prediction(1), outcome(1, model="other"), prediction(2, model="other"), outcome(2))

    assert [] == labelled(store)["entity"].tolist()


def test_new_labels_are_those_of_answered_entities_after_and_up_to(store: Store, journalled, prediction, outcome) -> None:
    known = [outcome(person) for person in range(4)]
    journalled(*(prediction(person) for person in range(3)), *known)

    with store.read() as session:
        assert 1 == reader.new_labels(session, "employment", known[1].known_at, known[3].known_at)


def test_inputs_become_columns_beside_the_frame_s_rows(store: Store, journalled, prediction) -> None:
    journalled(
        prediction(1, inputs={"age": 40.0, "sex": "1"}),
        prediction(2, inputs={"age": None, "race": "2"}),
        prediction(3, inputs={"age": 50.0}),
    )
    frame = predictions(store).iloc[[2, 0]]
    found = reader.inputs(frame)

    assert (["age", "sex"], frame.index.tolist(), [50.0, 40.0], [None, "1"]) == (
        list(found.columns),
        found.index.tolist(),
        found["age"].tolist(),
        found["sex"].tolist(),
    )


def test_a_large_spool_is_shipped_and_joined_whole(store: Store, journalled, prediction, outcome) -> None:
    n = 20_000
    journalled(*(prediction(person) for person in range(n)), *(outcome(person) for person in range(n)))

    assert n == len(labelled(store))
