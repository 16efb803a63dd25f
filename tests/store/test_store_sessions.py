"""Writing and reading: all or nothing, always audited, nothing lost between processes, nothing written by a reader."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import select

from headrace.audit.signing import PrivateKey
from headrace.audit.verify import Findings
from headrace.diagnostics import Exit, HeadraceError
from headrace.store import EventKind, ReadOnlyError, Store, audited, clock, due, events, tables, trail

AT = datetime(2016, 1, 1, tzinfo=UTC)


def audits(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as session:
        return [(row.actor, row.action, row.subject) for row in session.exec(select(tables.Audit))]


def counts(store: Store) -> list[tuple[str, str, str, int]]:
    with store.read() as session:
        return [(row.actor, row.action, row.subject, row.n) for row in session.exec(select(audited.AuditCount))]


def test_a_transaction_writes_its_entry_in_the_audit_log(store: Store) -> None:
    with store.transaction("user:ana", "train", "model/employment") as session:
        due.put(session, "employment", "train", AT, "wanted")

    assert [("user:ana", "train", "model/employment")] == audits(store)


def test_a_transaction_that_raises_writes_nothing(store: Store) -> None:
    with pytest.raises(IntegrityError):
        put_and_fail(store)

    with store.read() as session:
        assert ([], []) == (audits(store), due.list(session))


def put_and_fail(store: Store) -> None:
    with store.transaction("user:ana", "train", "model/employment") as session:
        due.put(session, "employment", "train", AT, "wanted")
        session.connection().exec_driver_sql("INSERT INTO clock (id, mode) VALUES (2, 'sundial')")


def test_what_repeats_often_is_counted_by_the_hour_and_is_no_entry(store: Store) -> None:
    for _ in range(3):
        with store.transaction("service:journal", "ship", "employment", often=True):
            pass

    assert ([], [("service:journal", "ship", "employment", 3)]) == (audits(store), counts(store))


def test_an_entry_has_the_clock_s_time_and_the_wall_s(store: Store) -> None:
    clock.drive(store, "replay", AT)
    with store.transaction("user:ana", "look", "model/employment"):
        pass

    with store.read() as session:
        row = session.exec(select(tables.Audit).where(tables.Audit.action == "look")).one()
    assert (AT, True) == (row.at, row.recorded_at > AT + timedelta(days=365))


def test_a_transaction_within_a_transaction_is_a_fault_at_once(store: Store) -> None:
    with (
        store.transaction("user:ana", "train", "model/employment"),
        pytest.raises(RuntimeError, match="would wait for the transaction"),
        store.transaction("user:ana", "look", "model/employment"),
    ):
        pass


def test_what_was_written_can_be_used_after_the_transaction(store: Store) -> None:
    with store.transaction("user:ana", "x", "y") as session:
        event = events.append(session, model="m", kind=EventKind.RUN_STARTED, payload={"a": 1}, at=AT)

    assert (1, {"a": 1}, "user:ana") == (event.seq, event.payload, event.actor)


def test_a_reader_refuses_objects(store: Store) -> None:
    with store.read() as session, pytest.raises(ReadOnlyError):
        due.put(session, "m", "train", AT, "no")


def test_a_reader_refuses_statements(store: Store) -> None:
    with pytest.raises(ReadOnlyError), store.read() as session:
        session.connection().execute(insert(tables.Due).values(model="m", flow="train", at=AT, reason="no"))


def test_a_reader_that_tried_to_write_leaves_the_next_writer_well(store: Store) -> None:
    with store.read():
        pass
    with store.transaction("user:ana", "x", "y"):
        pass

    assert 1 == len(audits(store))


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as session:
        before = due.list(session)
        with store.transaction("user:ana", "x", "y") as writer:
            due.put(writer, "m", "train", AT, "meanwhile")
        session.expire_all()
        assert before == due.list(session) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [float("-inf")]}])
def test_json_that_no_two_readers_agree_on_is_refused(value: object, store: Store) -> None:
    with pytest.raises(StatementError, match="JSON compliant"), store.transaction("user:ana", "x", "y") as session:
        events.append(session, model="m", kind=EventKind.RUN_STARTED, payload={"value": value}, at=AT)


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    naive = datetime(2016, 1, 1)  # noqa: DTZ001

    with pytest.raises(StatementError, match="time zone"), store.transaction("user:ana", "x", "y") as session:
        due.put(session, "m", "train", naive, "x")


def test_a_moment_of_another_zone_comes_back_in_utc(store: Store) -> None:
    with store.transaction("user:ana", "x", "y") as session:
        due.put(session, "m", "train", datetime(2016, 1, 1, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "x")

    with store.read() as session:
        found = due.list(session)[0].at
    assert (datetime(2016, 1, 1, 4, tzinfo=UTC), UTC) == (found, found.tzinfo)


def test_a_word_that_is_not_in_the_list_is_refused_by_python(store: Store) -> None:
    with pytest.raises(StatementError), store.transaction("user:ana", "x", "y") as session:
        session.add(tables.Alert(fingerprint="f", model="m", rule="r", state="smoking", since=AT, details={}))  # type: ignore[arg-type]


def test_a_word_that_is_not_in_the_list_is_refused_by_the_database(store: Store) -> None:
    with pytest.raises(IntegrityError, match="ck_clock_mode"), store.transaction("user:ana", "x", "y") as session:
        session.connection().exec_driver_sql("INSERT INTO clock (id, mode) VALUES (2, 'sundial')")


def test_a_full_disk_is_said(store: Store) -> None:
    connection = store.engine.raw_connection()
    connection.cursor().execute("PRAGMA max_page_count = 10")
    connection.close()

    with pytest.raises(HeadraceError, match="disk is full") as error, store.transaction("user:ana", "x", "y") as session:
        due.put(session, "m", "train", AT, "x" * 100_000)
    assert "store-unwritable" == error.value.report.errors[0].id


def test_a_writer_that_waits_too_long_is_told_so(store: Store, tmp_path: Path) -> None:
    other = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    with other.transaction("user:ana", "x", "y"):
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 10")
        with pytest.raises(HeadraceError) as error, store.transaction("user:ben", "x", "y"):
            pass
    assert ("store-busy", Exit.LOCKED) == (error.value.report.errors[0].id, error.value.code)


WRITER = """
import sys
from pathlib import Path
from headrace.store import EventKind, Store, clock, events
store = Store.open(sys.argv[1], "blobs", root=Path(sys.argv[2]))
for number in range(200):
    with store.transaction("user:ana", "append", "employment") as session:
        payload = {"writer": sys.argv[3], "number": number}
        events.append(session, model="employment", kind=EventKind.RUN_STARTED, payload=payload, at=clock.wall())
"""


def two_writers(url: str, root: Path) -> list[tuple[int, str, int]]:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, str(root), name]) for name in ("a", "b")]
    assert [0, 0] == [writer.wait() for writer in writers]
    store = Store.open(url, "blobs", root=root)
    with store.read() as session:
        found = Findings()
        told = trail.judge(session, PrivateKey("a", bytes(32)).public, {}, found)
        assert (400, []) == (told["size"], found.tampered)
        return [(event.seq or 0, event.payload["writer"], event.payload["number"]) for event in events.log(session, "employment")]


@pytest.mark.slow
def test_two_processes_that_write_200_events_each_lose_none(tmp_path: Path) -> None:
    log = two_writers("sqlite:///state.db", tmp_path)

    assert {(name, number) for name in "ab" for number in range(200)} == {(writer, number) for _, writer, number in log}
    assert list(range(1, 401)) == [seq for seq, _, _ in log]


@pytest.mark.slow
def test_a_reader_of_postgresql_sees_one_moment_and_refuses_statements(postgres: str, tmp_path: Path) -> None:
    store = Store.open(postgres, "blobs", root=tmp_path)
    with store.read() as session:
        before = due.list(session)
        with store.transaction("user:ana", "x", "y") as writer:
            due.put(writer, "m", "train", AT, "meanwhile")
        assert before == due.list(session) == []
    with pytest.raises(ReadOnlyError), store.read() as session:
        session.connection().execute(insert(tables.Due).values(model="m", flow="monitor", at=AT, reason="no"))
    assert [("user:ana", "x", "y")] == audits(store)
    store.close()


@pytest.mark.slow
def test_two_processes_lose_none_on_postgresql(postgres: str, tmp_path: Path) -> None:
    log = two_writers(postgres, tmp_path)

    assert {(name, number) for name in "ab" for number in range(200)} == {(writer, number) for _, writer, number in log}
