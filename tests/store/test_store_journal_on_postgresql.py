"""The journal and the rest of what writes with PostgreSQL's own words, on a real server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from headrace.identity import local_principal
from headrace.journal import OutcomeRecord, PredictionRecord, Shipped, Spool, reader, ship_pass, unshipped
from headrace.store import Store, clock, lock
from headrace.store.tables import Outcome, Prediction

AT = datetime(2016, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.slow


def record(person: int, **given) -> PredictionRecord:
    inputs = {"age": 46.0, "education": "21\0"}
    fields = {"id": f"{person}", "model": "employment", "version": 1, "arm": "champion", "epoch": 1, "entity": f"{person}\0"}
    fields |= {"at": AT, "latency_us": 1, "inputs": inputs, "output": 0.5, "error": None, "unseen": ("education",)}
    return PredictionRecord(**(fields | given))  # type: ignore[arg-type]


def test_the_journal_on_postgresql(postgres: str, tmp_path: Path) -> None:
    store = Store.open(postgres, "blobs", root=tmp_path)
    spool = Spool.open(tmp_path / "spool")
    for person in range(3):
        spool.append(record(person))
        spool.append(OutcomeRecord("employment", f"{person}\0", 0.0, AT + timedelta(days=30)))
    spool.append(record(1))  # again
    spool.append(record(3, version=2**40))  # more than the column takes
    spool.append(record(2, id="again", at=AT + timedelta(days=31)))  # another request about the same person
    spool.append(OutcomeRecord("employment", "2\0", 1.0, AT + timedelta(days=60)))
    spool.append(OutcomeRecord("employment", "2\0", 1.0, AT + timedelta(days=60)))  # again
    spool.close()

    assert Shipped(records=10, refused=1) == ship_pass(store, tmp_path / "spool")
    assert 0 == unshipped(store, tmp_path / "spool")
    with store.read() as session:
        frame = reader.labelled(session, "employment", AT + timedelta(days=60))
        assert (4, 1) == tuple(
            reader.new_labels(session, "employment", AT + timedelta(days=day), AT + timedelta(days=60)) for day in (0, 30)
        )
        assert [(1, 0.5, 0.0)] * 3 + [(1, 0.5, None)] == reader.outcomes(session, "employment", 1, 100, AT + timedelta(days=59))
        assert [1, 2] == [len(reader.requests(session, "employment", 0, limit)) for limit in (1, 2)]
    assert [("0\ufffd", 0.0, 0), ("1\ufffd", 0.0, 0), ("2\ufffd", 0.0, 0), ("2\ufffd", 1.0, 31)] == list(
        frame.assign(day=(frame["at"] - AT).dt.days)[["entity", "value", "day"]].itertuples(index=False, name=None)
    )
    assert [{"age": 46.0, "education": "21\0"}, ["education"]] == [frame["inputs"][0], frame["unseen"][0]]
    store.close()


def test_clock_lock_and_principals_on_postgresql(postgres: str, tmp_path: Path) -> None:
    store = Store.open(postgres, "blobs", root=tmp_path)
    clock.drive(store, "replay", AT)
    clock.advance(store, "replay", AT + timedelta(days=1))
    with lock.hold(store, "apply", local_principal(store)) as held:
        found = lock.held(store, "apply")

    assert found is not None
    assert (AT + timedelta(days=1), held.id) == (store.clock.now(), found.id)
    store.close()


def test_whatever_a_text_holds_copy_brings_it_as_it_is(postgres: str, tmp_path: Path) -> None:
    store = Store.open(postgres, "blobs", root=tmp_path)
    spool = Spool.open(tmp_path / "spool")
    texts = ["a\tb", "a\nb\r", "\\N", "\\", "", '"{,}"', "漢\u2028", "\\.", "1\\t2", " "]
    spool.append_all([record(number, entity=text, error=text, inputs={text: [text]}) for number, text in enumerate(texts)])
    far = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    spool.append(OutcomeRecord("employment", "e", 1.5, far, label="\\N"))
    spool.append(OutcomeRecord("employment", "e", 0.1 + 0.2, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)))
    spool.close()
    ship_pass(store, tmp_path / "spool")

    with store.read() as session:
        told = [(row.entity, row.error, row.inputs) for row in session.exec(select(Prediction).order_by(col(Prediction.seq)))]
        known = [(row.value, row.known_at, row.label) for row in session.exec(select(Outcome).order_by(col(Outcome.id)))]
    store.close()
    before = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert ([(text, text, {text: [text]}) for text in texts], [(1.5, far, "\\N"), (0.1 + 0.2, before, None)]) == (told, known)
