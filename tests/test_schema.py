"""The database that a test is given is the one that the migrations make."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command

from headrace.store import Store, engine, migrations

LOOKS = [
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns ORDER BY 1, 2",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY conname",
    "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
    "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
    "SELECT version_num FROM alembic_version",
]


def migrated(made: sqlalchemy.Engine) -> None:
    """By Alembic itself, since a revision is named."""
    engine.use_wal(made)
    with made.execution_options(**engine.WRITE).begin() as connection:
        command.upgrade(migrations.config(connection), migrations.HEAD)
    made.dispose()


def test_on_sqlite(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Store.open(f"sqlite:///{name}.db", "blobs", root=tmp_path).close()
    migrated(engine.connect("sqlite:///three.db", tmp_path))
    said = []
    for path in sorted(tmp_path.glob("*.db")):
        with closing(sqlite3.connect(path)) as database:
            said.append([*database.iterdump(), *database.execute("PRAGMA journal_mode")])
    assert [said[0]] * 3 == said
    assert len(said[0]) > 50


def test_on_postgresql(tmp_path: Path, postgres: str) -> None:
    said = []
    with psycopg.connect(postgres, autocommit=True) as database:
        for number in range(3):
            database.execute("DROP SCHEMA public CASCADE")
            database.execute("CREATE SCHEMA public")
            if number < 2:
                Store.open(postgres, "blobs", root=tmp_path).close()
            else:
                migrated(engine.connect(postgres, tmp_path))
            said.append([database.execute(look).fetchall() for look in LOOKS])
    assert [said[0]] * 3 == said
    assert len(said[0][0]) > 50
