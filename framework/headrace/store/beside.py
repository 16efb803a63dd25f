"""A schema of its own in the store's PostgreSQL for what another library remembers, so that none of its tables stands among ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text

from headrace.store import engine as engines
from headrace.store.faults import translated
from headrace.store.sessions import Sessions

_MAKING = 0x48454153
"""The advisory lock of who makes a schema; any number, the same for ever."""


def schema(store: Sessions, name: str) -> str | None:
    """The URL of the store's database, password and all, by which `name` is the only schema; it is made where it is not there.

    None where the store is no PostgreSQL. HeadraceError: store-unwritable (this user may make no schema), store-unreachable.
    """
    if store.engine.dialect.name != "postgresql":
        return None
    with translated(store.where), store.engine.execution_options(**engines.WRITE).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{name}"'))
    options = " ".join([*store.engine.url.normalized_query.get("options", ()), f"-csearch_path={name}"])
    return store.engine.url.update_query_dict({"options": options}).render_as_string(hide_password=False)


@contextmanager
def alone(url: str, key: str) -> Iterator[None]:
    """Wait until nobody else is within a block of this key; whoever dies in it leaves it. `url` is of PostgreSQL."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
            yield
    finally:
        engine.dispose()
