"""The schema that migrations make is the one that the tables declare, on both databases, up and down, and as text."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect

from headrace import registry
from headrace.registry import found as registry_found
from headrace.registry.stage import history
from headrace.store import Store, engine, migrations
from headrace.store.tables import Row


def migrated(url: str, root: Path) -> Engine:
    made = engine.connect(url, root)
    migrations.to_head(made)
    return made


def checks(made: Engine) -> dict[str, dict[str, str]]:
    found = inspect(made)
    return {
        table: {
            str(check["name"]): re.sub(r"[\s()\"]|::\w+( varying)?(\[\])?", "", str(check["sqltext"]))
            for check in found.get_check_constraints(table)
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def difference(made: Engine) -> list[object]:
    with made.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Row.metadata))


def test_the_revisions_named_in_the_package_are_those_in_its_folder() -> None:
    script = ScriptDirectory.from_config(migrations.config(None))

    assert (migrations.REVISIONS, migrations.HEAD) == (tuple(r.revision for r in script.walk_revisions())[::-1], script.get_current_head())


def test_a_migrated_database_has_the_declared_tables(tmp_path: Path) -> None:
    assert [] == difference(migrated("sqlite:///state.db", tmp_path))


def test_a_migrated_database_has_the_declared_checks(tmp_path: Path) -> None:
    declared = create_engine("sqlite://")
    Row.metadata.create_all(declared)

    assert checks(declared) == checks(migrated("sqlite:///state.db", tmp_path))


def test_every_column_with_a_closed_list_of_words_has_a_check(tmp_path: Path) -> None:
    found = checks(migrated("sqlite:///state.db", tmp_path))

    assert {
        "alert": {"ck_alert_state"},
        "approval_request": {"ck_approval_request_status"},
        "approval_vote": {"ck_approval_vote_choice"},
        "clock": {"ck_clock_mode"},
        "event": {"ck_event_kind", "ck_event_successor"},
        "model_card": {"ck_model_card_status"},
        "operation": {"ck_operation_status"},
        "outbox": {"ck_outbox_status"},
        "run": {"ck_run_status"},
        "stage_history": {"ck_stage_history_stage"},
        "tracked": {"ck_tracked_status"},
        "tracked_value": {"ck_tracked_value_kind"},
        "version_index": {"ck_version_index_stage"},
        "version_value": {"ck_version_value_kind"},
    } == {table: set(names) for table, names in found.items() if names}


def test_downgrading_leaves_no_table_and_upgrading_brings_them_back(tmp_path: Path) -> None:
    made = migrated("sqlite:///state.db", tmp_path)
    down_and_up(made)


def down_and_up(made: Engine) -> None:
    with made.execution_options(**engine.WRITE).begin() as connection:
        command.downgrade(migrations.config(connection), "base")
    assert ["alembic_version"] == inspect(made).get_table_names()
    migrations.to_head(made)
    assert [] == difference(made)


def test_the_sql_text_for_sqlite_makes_the_same_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as database:
        database.executescript(migrations.sql("sqlite"))

    assert [] == difference(Store.open("sqlite:///state.db", "blobs", root=tmp_path).engine)


def test_a_failing_migration_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = engine.connect("sqlite:///state.db", tmp_path)
    monkeypatch.setattr(command, "upgrade", failing(command.upgrade))

    with pytest.raises(RuntimeError, match="killed"):
        migrations.to_head(made)
    assert [] == inspect(made).get_table_names()


def failing(upgrade):
    def act(*arguments):
        upgrade(*arguments)
        raise RuntimeError("killed")

    return act


@pytest.mark.slow
def test_postgresql_gets_the_declared_tables_up_down_and_up(postgres: str, tmp_path: Path) -> None:
    made = migrated(postgres, tmp_path)

    assert [] == difference(made)
    down_and_up(made)


@pytest.mark.slow
def test_postgresql_and_sqlite_have_checks_of_the_same_names(postgres: str, tmp_path: Path) -> None:
    on_sqlite, on_postgresql = checks(migrated("sqlite:///state.db", tmp_path)), checks(migrated(postgres, tmp_path))

    assert {table: set(found) for table, found in on_sqlite.items()} == {table: set(found) for table, found in on_postgresql.items()}


@pytest.mark.slow
def test_the_sql_text_for_postgresql_makes_the_same_database(postgres: str, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute(migrations.sql("postgresql"))  # type: ignore[call-overload]

    assert [] == difference(Store.open(postgres, "blobs", root=tmp_path).engine)


def test_what_was_journalled_before_there_were_classes_stays(tmp_path: Path) -> None:
    made = engine.connect("sqlite:///state.db", tmp_path)
    with made.execution_options(**engine.WRITE).begin() as connection:
        command.upgrade(migrations.config(connection), "0001")
        connection.exec_driver_sql("insert into outcome (model, entity, value, known_at) values ('churn', '7', 1.0, '2016-01-01')")
        connection.exec_driver_sql(
            "insert into prediction (id, model, version, arm, epoch, entity, at, recorded_at, latency_us, inputs, output, unseen)"
            " values ('a', 'churn', 1, 'champion', 1, '7', '2016-01-01', '2016-01-01', 5, '{}', 0.25, '[]')"
        )
    migrations.to_head(made)
    with made.connect() as connection:
        assert (1.0, None) == tuple(connection.exec_driver_sql("select value, label from outcome").one())
        assert (0.25, None) == tuple(connection.exec_driver_sql("select output, answer from prediction").one())


def test_versions_of_before_get_their_stages_from_the_log(tmp_path: Path) -> None:
    before_and_after("sqlite:///state.db", tmp_path)


@pytest.mark.slow
def test_versions_of_before_get_their_stages_from_the_log_on_postgresql(postgres: str, tmp_path: Path) -> None:
    before_and_after(postgres, tmp_path)


def before_and_after(url: str, root: Path) -> None:
    """1 was champion and is previous, 2 was rolled back, 3 is champion, 4 waits, 5 gave way to it, 6 was rejected, 7 was never judged."""
    made = engine.connect(url, root)
    moves = [
        ("champion", None, 1),
        ("champion", 1, 2),
        ("previous", None, 1),
        ("champion", 2, 1),
        ("previous", 1, None),
        ("champion", 1, 3),
    ]
    moves += [("previous", None, 1), ("candidate", None, 5), ("candidate", 5, 4)]
    with made.execution_options(**engine.WRITE).begin() as connection:
        command.upgrade(migrations.config(connection), "0007")
        for number in range(1, 8):
            manifest = '{"metrics": {"auc": 0.5, "lost": null}, "params": {"kind": "tree", "deep": true}}'
            made_of = {"model_digest": "d", "manifest_digest": "d", "manifest": manifest, "created_at": "2020-01-01 00:00:00.000000"}
            write(
                connection, "model_version", id=f"v{number}", model="churn", number=number, run_id="r", algorithm="a", format="x", **made_of
            )
        told = [("alias.moved", {"alias": alias, "from": old, "to": new, "reason": "x"}) for alias, old, new in moves]
        for place, (kind, payload) in enumerate([*told, ("candidate.rejected", {"number": 6}), ("candidate.rejected", {"number": 3})], 1):
            at = f"2020-01-02 00:{place:02}:00.000000"
            write(
                connection,
                "event",
                id=f"e{place}",
                model="churn",
                kind=kind,
                payload=json.dumps(payload),
                actor="ana",
                at=at,
                recorded_at=at,
            )
        for name, number in (("champion", 3), ("previous", 1), ("candidate", 4)):
            write(connection, "alias", model="churn", name=name, number=number)
    migrations.to_head(made)
    with Store.open(url, "blobs", root=root) as store, store.read() as session:
        stages = [registry.stage_of(session, "churn", number).value for number in range(1, 8)]
        assert ["deprecated", "rejected", "production", "staging", "validated", "rejected", "registered"] == stages
        assert ["registered", "production", "deprecated", "production", "deprecated"] == [s.stage for s in history(session, "churn", 1)]
        assert ("e6", "ana") == (history(session, "churn", 3)[-1].event_id, history(session, "churn", 3)[-1].actor)
        found_ = registry_found.of_model(session, "churn")[7]
        assert ({"auc": 0.5}, {"kind": "tree", "deep": 1.0}) == (found_.metrics, found_.params)
    with Store.open(url, "blobs", root=root) as store, store.transaction("t", "promote", "churn") as session:
        registry.promote(session, model="churn", number=4, at=store.clock.now(), reason="x")


def write(connection: Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    given = ", ".join(f"'{value}'" for value in values.values())
    connection.exec_driver_sql(f"insert into {table} ({names}) values ({given})")  # noqa: S608 - our own words
