"""Who acts."""

from pathlib import Path

import pytest
from sqlmodel import select

from headrace.identity import local_principal, service
from headrace.store import Store
from headrace.store.tables import Principal


def names(store: Store) -> list[tuple[str, str]]:
    with store.read() as session:
        return [(row.name, row.kind) for row in session.exec(select(Principal))]


def test_the_person_at_the_keyboard_is_recorded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ana")
    store = Store.open("sqlite:///state.db", "blobs", root=tmp_path)

    assert ("user:ana", "user:ana", [("user:ana", "user")]) == (local_principal(store), local_principal(store), names(store))


def test_two_people_are_two_principals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    for name in ("ana", "ben of acme"):
        monkeypatch.setenv("LOGNAME", name)
        local_principal(store)

    assert [("user:ana", "user"), ("user:ben-of-acme", "user")] == names(store)


def test_a_user_without_a_name_goes_by_the_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)

    assert "user:4711" == local_principal(Store.open("sqlite:///state.db", "blobs", root=tmp_path))


def test_a_part_of_ours_is_a_service() -> None:
    assert "service:train" == service("train")
