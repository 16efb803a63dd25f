"""The audit log under attack: what the database refuses, and what is seen where somebody made it obey; on both databases."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from headrace.audit.entry import canonical
from headrace.audit.verify import HEIGHT, Edge, Findings, included, leaf_hash
from headrace.diagnostics import Exit, HeadraceError
from headrace.store import Store, engine, ledger, migrations, sessions, tables, trail
from headrace.store.sealing import Seal

WITNESS = ".headrace/audit/dev/checkpoints"
TABLES = ("audit_entry", "audit_node", "audit_head", "audit_earlier")


@contextmanager
def filled(url: str, root: Path) -> Iterator[Store]:
    with Store.open(url, "blobs", root=root) as store:
        write(store, 290)
        Seal(root, "dev").publish(store)
        write(store, 10)
        yield store


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Store]:
    """A store with 300 entries, the first 290 of them witnessed."""
    with filled("sqlite:///state.db", tmp_path) as store:
        yield store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same, on both databases."""
    with filled("sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres"), tmp_path) as store:
        yield store


def write(store: Store, count: int) -> None:
    """As many entries in one transaction, as so many transactions would write them."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with store.transaction("user:ana", "move", "model/churn") as session:
        for number in range(count - 1):
            ledger.append(session, sessions.Said("user:ana", "move", f"model/m{number}", at, at))


@contextmanager
def unguarded(store: Store) -> Iterator[Connection]:
    """A connection of one who owns the database, and has taken its triggers away."""
    with store.engine.execution_options(**engine.WRITE).begin() as connection:
        if connection.dialect.name == "sqlite":
            for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            for table in TABLES:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield connection


def judged(store: Store, *, witness: bool = True, within: Connection | None = None) -> Findings:
    """The judgement; within a transaction that did not end, where one is given."""
    seal, found = Seal(store.root, "dev"), Findings()
    records = {name: one.records() for name, one in seal.named().items()} if witness else {}
    with store.read() if within is None else Session(within, join_transaction_mode="rollback_only") as session:
        trail.judge(session, seal.public(), records, found)
    return found


def remake(connection: Connection, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Write the whole log anew, so that entries, tree and head are one another's: what one who owns the database can do."""
    rows = connection.execute(text("SELECT body, subject, actor, action FROM audit_entry ORDER BY seq")).all()
    told = change([{**json.loads(row[0]), "columns": row[1:]} for row in rows])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    connection.execute(text("DELETE FROM audit_entry"))
    connection.execute(text("DELETE FROM audit_node"))
    edge = Edge()
    for seq, entry in enumerate(told):
        subject, actor, action = entry.pop("columns")
        body = canonical({**entry, "seq": seq, "at": "2026-01-01T00:00:00.000000Z", "recorded_at": "2026-01-01T00:00:00.000000Z"})
        row = {"seq": seq, "actor": actor, "action": action, "subject": subject, "at": at, "recorded_at": at}
        connection.execute(tables.Audit.__table__.insert(), {**row, "leaf": leaf_hash(body), "body": body})  # type: ignore[attr-defined]
        for level, index, node in edge.append(leaf_hash(body)):
            if level % HEIGHT == 0:
                ledger._NODE.run(connection, (level // HEIGHT, index, node))
    connection.execute(text("UPDATE audit_head SET size = :size, edge = :edge"), {"size": edge.size, "edge": b"".join(edge.hashes)})


REST = "actor, action, subject, at, recorded_at, leaf, body"
REFUSED = {
    "edit a row": "UPDATE audit_entry SET actor = 'user:eve' WHERE seq = 7",
    "delete a row": "DELETE FROM audit_entry WHERE seq = 7",
    "truncate the tail": "DELETE FROM audit_entry WHERE seq > 295",
    "set the head back": "UPDATE audit_head SET size = 200",
    "name another log": "UPDATE audit_head SET log = 'other', size = size + 1",
    "delete the head": "DELETE FROM audit_head",
    "edit a node": "UPDATE audit_node SET hash = hash",
    "delete the nodes": "DELETE FROM audit_node",
    "leave a gap": f"INSERT INTO audit_entry SELECT 1000, {REST} FROM audit_entry WHERE seq = 7",  # noqa: S608
    "write many at once": f"INSERT INTO audit_entry SELECT 300 + seq, {REST} FROM audit_entry WHERE seq < 50",  # noqa: S608
    "rows of before": "INSERT INTO audit_earlier SELECT 1, actor, action, subject, at, recorded_at FROM audit_entry WHERE seq = 7",
}
ONLY = {
    "sqlite": {"replace a row": f"REPLACE INTO audit_entry SELECT 7, {REST} FROM audit_entry WHERE seq = 8"},  # noqa: S608
    "postgresql": {f"truncate {table}": f"TRUNCATE {table}" for table in TABLES},
}


def refused(log: Store, statement: str) -> bool:
    try:
        with log.engine.execution_options(**engine.WRITE).begin() as connection:
            connection.exec_driver_sql(statement)
            connection.rollback()
    except DBAPIError as error:
        return "only ever added to" in str(error)
    return False


def test_the_database_refuses_all_but_the_next_entry(either: Store) -> None:
    attacks = {**REFUSED, **ONLY[either.engine.dialect.name]}
    assert [] == [attack for attack, statement in attacks.items() if not refused(either, statement)]
    assert "sound" == judged(either).verdict


def test_without_its_guards_the_database_obeys(either: Store) -> None:
    attacks = {**REFUSED, **ONLY[either.engine.dialect.name]}
    with unguarded(either):
        pass
    assert [] == [attack for attack, statement in attacks.items() if refused(either, statement)]


SEEN = {
    "edit the columns": ("UPDATE audit_entry SET actor = 'user:eve' WHERE seq = 7", "the columns of entry 7"),
    "edit its time": ("UPDATE audit_entry SET recorded_at = at, at = recorded_at WHERE seq = 289", "the columns of entry 289"),
    "edit the bytes": ("UPDATE audit_entry SET body = (SELECT body FROM audit_entry WHERE seq = 8) WHERE seq = 7", "the bytes of entry 7"),
    "delete": ("DELETE FROM audit_entry WHERE seq = 7", "entry 7 is not there"),
    "truncate the tail": ("DELETE FROM audit_entry WHERE seq > 295", "the log's head says 300"),
    "truncate to before the witness": ("DELETE FROM audit_entry WHERE seq > 200", "a checkpoint of 290 entries, and the log has 201"),
    "set the head back": ("UPDATE audit_head SET size = 299", "the log's head says 299"),
    "delete the head": ("DELETE FROM audit_head", "the log's head was taken away"),
    "another log": ("UPDATE audit_head SET log = 'other'", "is of another log"),
    "edit the tiles": ("UPDATE audit_node SET hash = (SELECT leaf FROM audit_entry WHERE seq = 7)", "the tree's tiles are not"),
    "rows of before": (
        "INSERT INTO audit_earlier SELECT 1, actor, action, subject, at, recorded_at FROM audit_entry WHERE seq = 7",
        "the rows from before",
    ),
}


def test_what_was_done_past_the_guards_is_seen(either: Store) -> None:
    for attack, (statement, said) in SEEN.items():
        with unguarded(either) as connection:
            connection.exec_driver_sql(statement)
            found = judged(either, within=connection)
            connection.rollback()
        assert ("tampered", True) == (found.verdict, any(said in fault for fault in found.tampered)), (attack, found.tampered)
    assert "sound" == judged(either).verdict


def test_two_entries_that_change_places_are_seen(either: Store) -> None:
    with unguarded(either) as connection:
        for old, new in ((7, -1), (8, 7), (-1, 8)):
            connection.execute(text("UPDATE audit_entry SET seq = :new WHERE seq = :old"), {"new": new, "old": old})
    assert {"entry 7 is another one's bytes", "entry 8 is another one's bytes"} <= set(judged(either).tampered)


def forged(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**entry, "reason": "it was never so"} if entry["seq"] == 7 else entry for entry in entries]


REWRITTEN: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "one edited": forged,
    "one left out": lambda entries: entries[:7] + entries[8:],
    "two swapped": lambda entries: [*entries[:7], entries[8], entries[7], *entries[9:]],
    "the tail cut off": lambda entries: entries[:200],
}


def test_a_whole_log_written_anew_is_seen_by_its_witness_alone(either: Store) -> None:
    for attack, change in REWRITTEN.items():
        with unguarded(either) as connection:
            remake(connection, change)
            alone, witnessed = judged(either, witness=False, within=connection), judged(either, within=connection)
            connection.rollback()
        assert ([], True) == (alone.tampered, bool(witnessed.tampered)), attack


def test_a_witness_takes_no_checkpoint_of_a_log_that_was_written_anew(log: Store) -> None:
    with unguarded(log) as connection:
        remake(connection, forged)
    with pytest.raises(HeadraceError) as error:
        Seal(log.root, "dev").publish(log)
    assert ("audit-witness", Exit.REFUSED) == (error.value.report.errors[0].id, error.value.code)


def test_an_older_backup_is_seen_by_the_witness(log: Store) -> None:
    with closing(sqlite3.connect(log.root / "state.db")) as now, closing(sqlite3.connect(log.root / "backup.db")) as backup:
        now.backup(backup)
    write(log, 5)
    Seal(log.root, "dev").publish(log)
    log.close()
    for part in log.root.glob("state.db-*"):
        part.unlink()
    shutil.copy(log.root / "backup.db", log.root / "state.db")
    with Store.open("sqlite:///state.db", "blobs", root=log.root) as restored:
        assert [f"{WITNESS} has a checkpoint of 305 entries, and the log has 300"] == judged(restored).tampered
        write(restored, 20)
        assert [f"the first 305 entries are not those of a checkpoint of {WITNESS}"] == judged(restored).tampered
        assert [] == judged(restored, witness=False).tampered


@pytest.mark.slow
def test_an_older_backup_is_seen_on_postgresql_too(postgres: str, tmp_path: Path) -> None:
    name = str(make_url(postgres).database)
    backup = postgres.replace(name, f"{name}b")
    with filled(postgres, tmp_path):
        pass
    with _beside(postgres) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}b TEMPLATE {name}")
    try:
        with Store.open(postgres, "blobs", root=tmp_path) as log:
            write(log, 5)
            Seal(tmp_path, "dev").publish(log)
        with Store.open(backup, "blobs", root=tmp_path) as restored:
            assert [f"{WITNESS} has a checkpoint of 305 entries, and the log has 300"] == judged(restored).tampered
            write(restored, 20)
            assert [f"the first 305 entries are not those of a checkpoint of {WITNESS}"] == judged(restored).tampered
            assert [] == judged(restored, witness=False).tampered
    finally:
        with _beside(postgres) as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}b WITH (FORCE)")


@contextmanager
def _beside(url: str) -> Iterator[Connection]:
    """A connection to the same server's first database."""
    server = create_engine(make_url(url).set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        yield connection
    server.dispose()


def test_what_nothing_vouches_for_is_no_soundness(log: Store) -> None:
    (log.root / WITNESS).unlink()
    found = judged(log)
    assert ("incomplete", True) == (found.verdict, "has no checkpoint" in found.missing[0])


def test_a_clock_that_jumps_back_changes_no_order(either: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "wall", lambda: datetime(2001, 1, 1, tzinfo=UTC))
    write(either, 1)
    with either.read() as session:
        newest = list(trail.entries(session, trail.Asked(), newest=2))
    assert ([299, 300], True, "sound") == (
        [row.seq for row in newest],
        newest[1].recorded_at < newest[0].recorded_at,
        judged(either).verdict,
    )


def test_a_head_that_was_taken_away_begins_no_other_log(log: Store) -> None:
    with unguarded(log) as connection:
        connection.exec_driver_sql("DELETE FROM audit_head")
    with pytest.raises(HeadraceError, match="taken away") as error, log.transaction("user:ana", "x", "y"):
        pass
    assert "store-altered" == error.value.report.errors[0].id


def test_a_head_that_was_altered_takes_no_entry(log: Store) -> None:
    with unguarded(log) as connection:
        connection.exec_driver_sql("UPDATE audit_head SET size = 12345")
    with pytest.raises(HeadraceError, match="head of the audit log was altered"), log.transaction("user:ana", "x", "y"):
        pass


def test_an_entry_is_found_by_what_is_asked_and_proven(either: Store) -> None:
    with either.transaction("user:ben", "judge", "model/churn@3", reason="why not", before="sha256:00", after="sha256:01"):
        pass
    with either.read() as session:
        (row,) = trail.entries(session, trail.Asked(actor="user:ben", subject="model/"))
        stands = trail.head(session)
        assert stands is not None
        proof = trail.tree(session, stands.size).inclusion(row.seq)
    told = json.loads(row.body)
    assert included(leaf_hash(row.body), row.seq, stands.size, proof, stands.root)
    assert ({"kind": "model", "id": "churn@3"}, "why not", "sha256:00", "sha256:01", "user") == (
        *(told[key] for key in ("subject", "reason", "before", "after", "actor_kind")),
    )


def test_rows_from_before_the_log_are_vouched_for_by_its_first_entry(tmp_path: Path) -> None:
    made = engine.connect("sqlite:///state.db", tmp_path)
    with made.execution_options(**engine.WRITE).begin() as connection:
        command.upgrade(migrations.config(connection), "0007")
        for fold, count in ((None, 1), (None, 1), ("x", 40)):
            connection.execute(
                text(
                    "INSERT INTO audit (actor, action, subject, at, recorded_at, n, fold) VALUES ('user:ana', 'ship', 'churn',"
                    " '2026-01-01 10:20:30.000000', '2026-01-01 10:20:30.000000', :n, :fold)"
                ),
                {"n": count, "fold": fold},
            )
    made.dispose()
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
        write(store, 1)
        Seal(tmp_path, "dev").publish(store)
        with store.read() as session:
            rows = [(row.actor, row.action) for row in session.exec(select(tables.Audit))]
            counted = [(row.n, row.hour) for row in trail.counts(session, trail.Asked(), 10)]
        assert ([("service:store", "import"), ("user:ana", "move")], [(40, datetime(2026, 1, 1, 10, tzinfo=UTC))], "sound") == (
            rows,
            counted,
            judged(store).verdict,
        )
        with unguarded(store) as connection:
            connection.exec_driver_sql("UPDATE audit_earlier SET actor = 'user:eve' WHERE seq = 1")
        assert ["the rows from before there was a log are not those that its first entry tells of"] == judged(store).tampered
