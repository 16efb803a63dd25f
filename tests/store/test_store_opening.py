"""Opening a store: what is made, what is refused, and what it costs."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.diagnostics import Exit, HeadraceError
from headrace.store import Store, engine, migrations

URL = "sqlite:///.headrace/state.db"


def fault(error: pytest.ExceptionInfo[HeadraceError]) -> tuple[str, Exit]:
    return error.value.report.errors[0].id, error.value.code


def test_a_first_opening_makes_folders_database_and_blobs_under_the_root(tmp_path: Path) -> None:
    Store.open(URL, ".headrace/blobs", root=tmp_path)

    assert [".headrace/blobs", ".headrace/state.db"] == sorted(
        str(p.relative_to(tmp_path)) for p in (tmp_path / ".headrace").iterdir() if "-" not in p.name
    )


def test_sqlite_is_in_wal_mode_waits_for_30_seconds_and_keeps_foreign_keys(tmp_path: Path) -> None:
    store = Store.open(URL, "blobs", root=tmp_path)

    with store.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "busy_timeout", "foreign_keys")}
    assert {"journal_mode": "wal", "busy_timeout": 30_000, "foreign_keys": 1} == found


def test_a_second_opening_finds_what_the_first_wrote(tmp_path: Path) -> None:
    digest = Store.open(URL, "blobs", root=tmp_path).blobs.put(b"abc")

    assert Store.open(URL, "blobs", root=tmp_path).blobs.get(digest) == b"abc"


def test_opening_a_store_at_head_does_not_load_alembic(tmp_path: Path) -> None:
    Store.open(URL, "blobs", root=tmp_path)
    code = f"""
import sys; from pathlib import Path; from headrace.store import Store
Store.open({URL!r}, "blobs", root=Path({str(tmp_path)!r}))
print([name for name in sys.modules if name.partition(".")[0] in ("alembic", "fsspec", "pandas", "numpy")])"""

    assert "[]\n" == subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_several_processes_may_open_a_store_for_the_first_time_at_once(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path; from headrace.store import Store
Store.open({URL!r}, "blobs", root=Path({str(tmp_path)!r}))
print("open")"""
    openers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(6)]

    assert ["open\n"] * 6 == [opener.communicate()[0] for opener in openers]


def test_a_store_of_a_newer_headrace_is_refused(tmp_path: Path) -> None:
    Store.open(URL, "blobs", root=tmp_path).close()
    with sqlite3.connect(tmp_path / ".headrace/state.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(HeadraceError) as error:
        Store.open(URL, "blobs", root=tmp_path)
    assert fault(error) == ("store-newer", Exit.REFUSED)


def test_a_migration_that_another_process_has_just_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(URL, "blobs", root=tmp_path).close()
    versions = iter([None, "0001"])
    monkeypatch.setattr(migrations, "_version", lambda _: next(versions))

    Store.open(URL, "blobs", root=tmp_path)

    assert [] == list(versions)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing", "the store's URL cannot be read"),
        ("mysql://host/db", "a store cannot be kept in `mysql`"),
        ("sqlite://", "a store in memory would be forgotten"),
        ("sqlite:///:memory:", "a store in memory would be forgotten"),
    ],
)
def test_a_url_that_is_no_store_is_refused(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(HeadraceError, match=said) as error:
        Store.open(url, "blobs", root=tmp_path)
    assert fault(error) == ("store-url", Exit.INVALID)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://ana@host/db", "postgresql+psycopg"),
        ("postgresql://ana@host/db", "postgresql+psycopg"),
        ("postgresql+psycopg://ana@host/db", "postgresql+psycopg"),
    ],
)
def test_postgresql_is_reached_by_psycopg(url: str, driver: str, tmp_path: Path) -> None:
    assert engine.connect(url, tmp_path).url.drivername == driver


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeadraceError, match="psycopg2") as error:
        engine.connect("postgresql+psycopg2://ana@host/db", tmp_path)
    assert fault(error) == ("store-driver", Exit.INVALID)


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(HeadraceError) as error:
        Store.open("postgresql://ana:secret@127.0.0.1:1/db", "blobs", root=tmp_path)
    assert (fault(error), "secret" in str(error.value)) == (("store-unreachable", Exit.FAILED), False)


def test_a_url_may_be_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABOUR_STORE", "sqlite:///elsewhere.db")

    Store.open("env:LABOUR_STORE", "blobs", root=tmp_path)

    assert (tmp_path / "elsewhere.db").exists()


def test_a_url_in_an_environment_variable_that_is_not_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABOUR_STORE", raising=False)

    with pytest.raises(HeadraceError) as error:
        Store.open("env:LABOUR_STORE", "blobs", root=tmp_path)
    assert fault(error) == ("missing-variable", Exit.INVALID)


@pytest.mark.parametrize(
    ("url", "blobs"), [("sqlite:///taken/state.db", "blobs"), ("sqlite:///state.db", "taken/blobs"), ("sqlite:///folder", "blobs")]
)
def test_a_folder_that_cannot_be_written_is_named(url: str, blobs: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, where a folder should be")
    (tmp_path / "folder").mkdir()

    with pytest.raises(HeadraceError) as error:
        Store.open(url, blobs, root=tmp_path)
    assert fault(error) == ("store-unwritable", Exit.FAILED)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database" * 1000)

    with pytest.raises(HeadraceError) as error:
        Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    assert fault(error) == ("store-altered", Exit.FAILED)
