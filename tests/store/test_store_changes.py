"""Whether a store may have changed: told cheaply, and never missed."""

from pathlib import Path

import pytest

from headrace.store import Store
from headrace.store.changes import Changes


def missed(url: str, root: Path) -> tuple[bool, bool, bool]:
    """Whether a token changes while nothing is written; by a write of this process; by one of another connection pool."""
    with Store.open(url, "blobs", root=root) as store, Store.open(url, "blobs", root=root) as other:
        changes = Changes(store)
        before = changes.token()
        still = changes.token()
        with store.transaction("a", "b", "c"):
            pass
        after = changes.token()
        with other.transaction("a", "b", "c"):
            pass
        told = (before != still, still != after, after != changes.token())
        changes.close()
        return told


def test_a_commit_changes_the_token_and_nothing_else_does(tmp_path: Path) -> None:
    assert (False, True, True) == missed("sqlite:///state.db", tmp_path)


@pytest.mark.slow
def test_a_commit_changes_the_token_on_postgresql(postgres: str, tmp_path: Path) -> None:
    assert (False, True, True) == missed(postgres, tmp_path)


def told_of(url: str, root: Path) -> list[bool]:
    """Whether a token changes by what is written often, by something else right behind it, and by what is written often again."""
    with Store.open(url, "blobs", root=root) as store:
        with store.transaction("service:journal", "ship", "m", often=True):
            pass
        changes, found = Changes(store), []
        for often in (True, False, True):
            before = changes.token()
            with store.transaction("service:journal", "ship", "m", often=often):
                pass
            found.append(before != changes.token())
        changes.close()
        return found


def test_what_is_written_many_times_a_second_is_no_change(tmp_path: Path) -> None:
    assert [False, True, False] == told_of("sqlite:///state.db", tmp_path)


@pytest.mark.slow
def test_what_is_written_many_times_a_second_is_no_change_on_postgresql(postgres: str, tmp_path: Path) -> None:
    assert [False, True, False] == told_of(postgres, tmp_path)


def test_of_a_store_that_does_not_answer_no_two_tokens_are_equal(tmp_path: Path) -> None:
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
        changes = Changes(store)
        before = changes.token()
        (tmp_path / "state.db").rename(tmp_path / "away")
        (tmp_path / "state.db").mkdir()

        assert before != changes.token()
        assert changes.token() != changes.token()


def test_another_file_in_the_database_s_place_is_a_change(tmp_path: Path) -> None:
    with Store.open("sqlite:///other.db", "blobs", root=tmp_path) as backup, backup.transaction("a", "b", "c"):
        pass
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
        changes = Changes(store)
        before = changes.token()
        (tmp_path / "other.db").replace(tmp_path / "state.db")

        assert before != changes.token()
