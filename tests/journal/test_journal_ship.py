"""Shipping: every record once, in order, whatever is killed in between."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from headrace.diagnostics import HeadraceError
from headrace.journal import (
    Shipped,
    Spool,
    backlog,
    beside,
    parquet,
    present,
    ship,
    ship_everywhere,
    ship_pass,
    shipping,
    shipping_now,
    unshipped,
)
from headrace.journal.beside import Beside
from headrace.journal.segment import frame
from headrace.store import Store
from headrace.store.audited import AuditCount
from headrace.store.clock import wall
from headrace.store.tables import Audit, Outcome, Prediction, SpoolOffset


def entities(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.exec(select(Prediction.entity).order_by(Prediction.seq)))  # type: ignore[arg-type]


def outcomes(store: Store) -> list[tuple[str, float]]:
    with store.read() as session:
        return [(row.entity, row.value) for row in session.exec(select(Outcome))]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def spooled(folder: Path, *records, close: bool = True) -> Spool:
    spool = Spool.open(folder)
    for record in records:
        spool.append(record)
    if close:
        spool.close()
    return spool


def test_where_nothing_was_spooled_nothing_is_shipped(folder: Path, store: Store) -> None:
    assert (0, 0) == (ship(store, folder), unshipped(store, folder))


def test_a_shipped_prediction_is_the_journalled_one(folder: Path, store: Store, prediction) -> None:
    record = prediction(unseen=("education",), error="late", output=None, inputs={"age": None, "education": "漢"})
    spooled(folder, record)
    ship(store, folder)

    with store.read() as session:
        row = session.exec(select(Prediction)).one()
    names = record._fields
    assert {name: getattr(record, name) for name in names} | {"unseen": ["education"]} == {name: getattr(row, name) for name in names}
    assert row.recorded_at > row.at


def test_rows_are_in_the_order_of_the_spool(folder: Path, store: Store, prediction) -> None:
    spooled(folder, *(prediction(person) for person in range(20)))

    assert (20, [str(person) for person in range(20)]) == (ship(store, folder), entities(store))


def test_of_rows_that_share_a_moment_and_rows_that_do_not_each_has_its_own(folder: Path, store: Store, prediction) -> None:
    began = wall()
    moments = [began + timedelta(seconds=seconds) for seconds in (0, 0, 1, 1, 0, 60)]
    spooled(folder, *(prediction(person, at=moment) for person, moment in enumerate(moments)))
    ship(store, folder)
    with store.read() as session:
        found = [(row.at, began <= row.recorded_at <= wall()) for row in session.exec(select(Prediction).order_by(Prediction.seq))]
    assert [(moment, True) for moment in moments] == found


def test_a_connection_that_ships_keeps_what_it_writes_until_the_commit(folder: Path, store: Store, prediction) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has a cache of its own")
    spooled(folder, prediction(1))
    ship(store, folder)
    with store.read() as session:
        assert -8192 == session.connection().exec_driver_sql("PRAGMA cache_size").scalar()


def test_a_living_segment_is_shipped_and_kept_and_its_rest_later(folder: Path, store: Store, prediction) -> None:
    spool = spooled(folder, prediction(1), close=False)
    assert (1, 0, 1) == (ship(store, folder), unshipped(store, folder), len(segments(folder)))

    spool.append(prediction(2))
    assert unshipped(store, folder) > 0
    assert (1, ["1", "2"]) == (ship(store, folder), entities(store))


def test_a_dead_writer_s_segment_is_deleted_with_its_offset(folder: Path, store: Store, prediction) -> None:
    spooled(folder, prediction())
    ship(store, folder)

    with store.read() as session:
        assert ([], []) == (segments(folder), list(session.exec(select(SpoolOffset))))


def test_a_dead_writer_s_empty_segment_is_deleted(folder: Path, store: Store) -> None:
    spooled(folder)
    ship(store, folder)

    assert [] == segments(folder)


def test_two_writers_at_once_are_both_shipped(folder: Path, store: Store, prediction) -> None:
    one, two = spooled(folder, close=False), spooled(folder, close=False)
    for person in range(10):
        (one if person % 2 else two).append(prediction(person))

    assert (10, {str(person) for person in range(10)}) == (ship(store, folder), set(entities(store)))


def test_a_record_that_is_twice_in_the_spool_is_once_in_the_store(folder: Path, store: Store, prediction) -> None:
    record = prediction()
    spooled(folder, record, record)
    spooled(folder, record)

    assert (Shipped(records=3), ["1"]) == (ship_pass(store, folder), entities(store))


def killed(*_: object) -> None:
    raise RuntimeError("killed")


def test_a_shipper_killed_between_commit_and_deletion_ships_nothing_twice(
    folder: Path, store: Store, prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled(folder, prediction())
    monkeypatch.setattr("headrace.journal.shipping._delete", killed)
    with pytest.raises(RuntimeError, match="killed"):
        ship(store, folder)
    monkeypatch.undo()

    assert (0, ["1"], []) == (ship(store, folder), entities(store), segments(folder))


def test_a_shipper_killed_before_its_commit_loses_nothing(folder: Path, store: Store, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    spooled(folder, prediction())
    monkeypatch.setattr("headrace.journal.shipping._keep", killed)
    with pytest.raises(RuntimeError, match="killed"):
        ship(store, folder)
    monkeypatch.undo()

    assert ([], 1, ["1"]) == (entities(store), ship(store, folder), entities(store))


def test_a_shipper_that_another_overtook_leaves_the_segment_to_it(
    folder: Path, store: Store, prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset, read = shipping._offset, []

    def late(session, key):
        read.append(key)
        return 0 if len(read) == 1 else offset(session, key)

    spooled(folder, prediction(), close=False)
    ship(store, folder)
    monkeypatch.setattr(shipping, "_offset", late)

    assert (0, ["1"]) == (ship(store, folder), entities(store))


def test_the_torn_end_of_a_dead_writer_is_skipped_counted_and_kept(folder: Path, store: Store, prediction) -> None:
    spooled(folder, prediction())
    with segments(folder)[0].open("ab") as file:
        file.write(frame(b"torn off here")[:-5])

    assert Shipped(records=1, torn=1) == ship_pass(store, folder)
    assert ([], 1) == (segments(folder), len(list((folder / "damaged").iterdir())))
    with store.read() as session:
        assert [True] == [row.subject.endswith(": 1") for row in session.exec(select(Audit).where(Audit.action == "ship-torn"))]


def test_the_torn_end_of_a_living_writer_is_waited_for(folder: Path, store: Store, prediction) -> None:
    spool = spooled(folder, prediction(1), close=False)
    whole = segments(folder)[0].stat().st_size
    data = frame(b"[3]")
    with segments(folder)[0].open("ab") as file:
        file.write(data[:-2])

    assert Shipped(records=1) == ship_pass(store, folder)
    assert len(data) - 2 == unshipped(store, folder)

    segments(folder)[0].open("ab").write(data[-2:])
    spool.append(prediction(2))

    assert Shipped(records=1, torn=1) == ship_pass(store, folder)  # `[3]` is no record that this version knows
    assert (["1", "2"], whole > 0) == (entities(store), True)


def test_a_damaged_record_takes_no_other_along(folder: Path, store: Store, prediction) -> None:
    spooled(folder, *(prediction(person) for person in range(3)))
    data = bytearray(segments(folder)[0].read_bytes())
    data[len(data) // 2] ^= 0xFF
    segments(folder)[0].write_bytes(data)

    assert Shipped(records=2, torn=1) == ship_pass(store, folder)
    assert ["0", "2"] == entities(store)


def test_a_row_that_the_database_refuses_is_kept_aside_and_takes_no_other_along(folder: Path, store: Store, prediction) -> None:
    spooled(folder, prediction(1), prediction(2, model=None), prediction(3))

    assert Shipped(records=2, refused=1) == ship_pass(store, folder)
    (kept,) = (folder / "damaged").iterdir()
    assert (["1", "3"], "2") == (entities(store), json.loads(kept.read_bytes())["entity"])


def test_a_long_segment_is_shipped_in_pieces(folder: Path, store: Store, prediction) -> None:
    spooled(folder, *(prediction(person, inputs={"essay": "x" * 600_000}) for person in range(5)))

    assert (5, ["0", "1", "2", "3", "4"], []) == (ship(store, folder), entities(store), segments(folder))


def test_a_store_that_cannot_be_written_leaves_the_spool_as_it_is(folder: Path, store: Store, prediction) -> None:
    spooled(folder, prediction(inputs={"essay": "x" * 900_000}))
    full(store, 1)
    before = unshipped(store, folder)
    with pytest.raises(HeadraceError, match="disk is full"):
        ship(store, folder)
    assert before == unshipped(store, folder)

    full(store, 1_000_000)
    assert 1 == ship(store, folder)


def full(store: Store, pages: int) -> None:
    connection = store.engine.raw_connection()
    connection.cursor().execute(f"PRAGMA max_page_count = {pages}")
    connection.close()


def test_of_two_outcomes_of_one_moment_the_first_holds(folder: Path, store: Store, outcome) -> None:
    spooled(folder, outcome(1, value=1.0), outcome(1, value=0.0))
    ship(store, folder)
    spooled(folder, outcome(1, value=0.0))
    ship(store, folder)

    assert [("1", 1.0)] == outcomes(store)


@pytest.mark.parametrize("at_once", [True, False])
def test_outcomes_of_an_entity_known_at_other_times_are_all_kept_each_once(
    at_once: bool,  # noqa: FBT001
    folder: Path,
    store: Store,
    outcome,
) -> None:
    first = outcome(1, value=0.0)
    again = outcome(1, value=1.0, known_at=first.known_at + timedelta(days=1))
    for records in [[first, again, first]] if at_once else [[first], [again], [first]]:
        spooled(folder, *records)
        ship(store, folder)

    assert [("1", 0.0), ("1", 1.0)] == outcomes(store)


def test_shipping_is_counted_by_the_hour(folder: Path, store: Store, prediction) -> None:
    spool = spooled(folder, close=False)
    for person in range(5):
        spool.append(prediction(person))
        ship(store, folder)

    with store.read() as session:
        rows = list(session.exec(select(AuditCount).where(AuditCount.action == "ship")))
    assert (5, True) == (sum(row.n for row in rows), len(rows) <= 2)


@pytest.mark.parametrize("damage", [bytes(1_200_000), bytes(range(256)) * 4600])
def test_damage_longer_than_any_record_takes_no_other_along(folder: Path, store: Store, prediction, damage: bytes) -> None:
    spooled(folder, prediction(1))
    (path,) = segments(folder)
    whole = path.read_bytes()
    spooled(folder, prediction(2))
    after = next(other for other in segments(folder) if other != path)
    path.write_bytes(whole + damage + after.read_bytes())
    after.unlink()

    done = ship_pass(store, folder)
    kept = sum(piece.stat().st_size for piece in (folder / "damaged").iterdir())
    assert (2, ["1", "2"], len(damage), []) == (done.records, entities(store), kept, segments(folder))


def test_the_backlog_says_since_when_the_oldest_record_waits(folder: Path, store: Store, prediction) -> None:
    before = wall()
    spool = spooled(folder, prediction(1), prediction(2), close=False)
    waiting = backlog(store, folder)
    after = wall()
    ship(store, folder)
    spool.append(prediction(3))

    assert (True, unshipped(store, folder) > 0) == (before <= waiting.oldest <= after <= backlog(store, folder).oldest, True)


def test_a_shipper_is_told_of_while_it_lives(folder: Path) -> None:
    before = shipping_now(folder)
    with present(folder), present(folder):
        during = shipping_now(folder)

    assert (False, True, False) == (before, during, shipping_now(folder))


def filed(target: Path, kind: str = "predictions") -> list[dict]:
    return pq.read_table(target / kind).to_pylist() if (target / kind).exists() else []


def test_records_go_to_parquet_files_too_once_a_segment_is_finished(
    folder: Path, store: Store, prediction, outcome, tmp_path: Path
) -> None:
    beside.save(folder, Beside(parquet=str(tmp_path / "files")))
    spool = spooled(folder, prediction(1, unseen=("education",)), outcome(1), close=False)
    ship_everywhere(store, folder)
    living = filed(tmp_path / "files")
    spool.close()
    ship_everywhere(store, folder)

    (told,), (known,) = filed(tmp_path / "files"), filed(tmp_path / "files", "outcomes")
    assert ([], [], ["1"]) == (living, segments(folder), entities(store))
    assert ("1", {"age": 46.0, "education": "21"}, ["education"]) == (
        told["entity"],
        json.loads(told["inputs"]),
        json.loads(told["unseen"]),
    )
    assert (outcome(1).known_at, prediction(1).at) == (known["known_at"], told["at"])


def test_who_ships_to_the_store_alone_leaves_the_segments_for_the_files(folder: Path, store: Store, prediction, tmp_path: Path) -> None:
    beside.save(folder, Beside(parquet=str(tmp_path / "files")))
    spooled(folder, prediction(1))

    assert (1, 1, 0) == (ship(store, folder), len(segments(folder)), unshipped(store, folder))
    ship_everywhere(store, folder)
    assert (["1"], []) == ([row["entity"] for row in filed(tmp_path / "files")], segments(folder))


@pytest.mark.parametrize("cut", ["before the file is recorded", "before the segment is deleted"])
def test_a_file_that_is_written_again_replaces_itself(  # noqa: PLR0917 - fixtures
    cut: str, folder: Path, store: Store, prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.save(folder, Beside(parquet=str(tmp_path / "files")))
    spooled(folder, *(prediction(person) for person in range(5)))
    if cut == "before the file is recorded":
        write = parquet.write
        monkeypatch.setattr(parquet, "write", lambda *given: write(*given) or killed())
    else:
        monkeypatch.setattr(shipping, "_delete", killed)
    with pytest.raises((HeadraceError, RuntimeError), match="killed"):
        ship_everywhere(store, folder)
    monkeypatch.undo()
    ship_everywhere(store, folder)

    found = [row["entity"] for row in filed(tmp_path / "files")]
    assert (["0", "1", "2", "3", "4"], found, []) == (sorted(found), entities(store), segments(folder))


def test_files_that_cannot_be_written_hold_up_no_row(folder: Path, store: Store, prediction, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file, where a folder should be")
    beside.save(folder, Beside(parquet=str(tmp_path / "files")))
    spooled(folder, prediction(1))
    with pytest.raises(HeadraceError, match="Parquet files cannot be written") as error:
        ship_everywhere(store, folder)

    assert ["files-unwritable"] == [fault.id for fault in error.value.report.errors]
    assert (["1"], 1) == (entities(store), len(segments(folder)))


def test_a_share_of_the_predictions_is_logged_the_same_ones_wherever(
    folder: Path, store: Store, prediction, outcome, tmp_path: Path
) -> None:
    logs = [tmp_path / "a.jsonl", tmp_path / "logs" / "b.jsonl"]
    records = [prediction(person, id=f"{person:032x}") for person in range(400)]
    for log in logs:
        beside.save(folder, Beside(share=0.1, log=str(log)))
        spooled(folder, *records, outcome(1))
        ship_everywhere(store, folder)
    first, second = [[json.loads(line) for line in log.read_text().splitlines()] for log in logs]

    assert ([row["id"] for row in first], True) == ([row["id"] for row in second], 15 < len(first) < 80)
    assert ("prediction", {"age": 46.0, "education": "21"}) == (first[0]["event"], first[0]["inputs"])
