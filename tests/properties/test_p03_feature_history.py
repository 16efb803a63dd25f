"""P3: a changed definition is one more version, and those before stay as they were; the database refuses to change them."""

import pytest
from feature_values import DEFINITIONS, VIEWS, noted, storing
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from headrace.diagnostics import HeadraceError
from headrace.features import versions

APPLIED = st.lists(st.tuples(VIEWS, DEFINITIONS), min_size=1, max_size=10)


def lived(store, applied):
    """What the history of each view must be: its definitions in their order, without repetition of the one before."""
    expected = {}
    for view, told in applied:
        noted(store, view, told)
        if not expected.setdefault(view, []) or expected[view][-1] != told:
            expected[view].append(told)
    with store.read() as session:
        return expected, {view: versions.history(session, view) for view in expected}


@settings(max_examples=15, deadline=None)
@given(APPLIED)
def test_the_history_is_every_definition_in_its_order(applied):
    with storing() as store:
        expected, found = lived(store, applied)
    assert expected == {view: [dict(version.definition) for version in history] for view, history in found.items()}
    assert all([version.number for version in history] == list(range(1, len(history) + 1)) for history in found.values())


def refused(store):
    """Both tables refuse to be changed and to lose a row."""
    version = noted(store, "basket", {"view": {"time": "a"}})
    import pyarrow as pa

    versions.keep(store, version, pa.table({"x": [1]}), {}, actor="user:test")
    for table in ("feature_version", "feature_values"):
        for statement in (f"UPDATE {table} SET actor = 'user:other'", f"DELETE FROM {table}"):  # noqa: S608 - two tables of ours
            with (
                pytest.raises((DBAPIError, HeadraceError), match="only ever added"),
                store.transaction("user:test", "change", table) as session,
            ):
                session.connection().execute(text(statement))


def test_no_row_can_be_changed():
    with storing() as store:
        refused(store)


@pytest.mark.slow
def test_no_row_can_be_changed_on_postgresql(postgres):
    with storing(postgres) as store:
        refused(store)


@pytest.mark.slow
def test_the_history_is_the_same_on_postgresql(postgres):
    with storing(postgres) as store:
        expected, found = lived(store, [("basket", {"v": i // 2 % 3}) for i in range(12)])
    assert expected["basket"] == [dict(version.definition) for version in found["basket"]]
