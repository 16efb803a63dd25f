"""How a database comes to the newest schema: Alembic's revisions, and a look at the version that costs one query."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store import engine as engines

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0013",
    "0014",
    "0016",
    "0017",
    "0018",
    "0019",
)
"""Every revision, oldest first. Kept here so that opening a store at head does not import Alembic; a test compares."""

HEAD = REVISIONS[-1]


def to_head(engine: Engine) -> None:
    """Make or migrate the database, unless it is at head; others who do so at once wait. Raises HeadraceError: store-newer."""
    with engine.connect() as connection:
        version = _version(connection)
    if version == HEAD:
        return
    _refuse_newer(version, engine)
    engines.use_wal(engine)
    with engine.execution_options(**engines.WRITE).begin() as connection:
        # Another process may have migrated while this one waited for the write lock: look again under it.
        version = _version(connection)
        _refuse_newer(version, engine)
        if version != HEAD:
            from alembic import command

            command.upgrade(config(connection), "head")


def sql(dialect: str, revision: str = "head") -> str:
    """The statements that bring an empty database to a revision, for one who lets no program alter it.

    `dialect`: sqlite, postgresql.
    """
    from alembic import command

    out = io.StringIO()
    settings = config(None, output=out)
    settings.attributes["dialect"] = dialect
    command.upgrade(settings, revision, sql=True)
    return out.getvalue()


def config(connection: Connection | None, output: io.StringIO | None = None) -> Config:
    """Alembic's settings for our revisions, on this connection."""
    from alembic.config import Config

    settings = Config(output_buffer=output) if output is not None else Config()
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


def _version(connection: Connection) -> str | None:
    there = (
        "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        if connection.dialect.name == "sqlite"
        else "SELECT to_regclass('alembic_version')"
    )
    if connection.execute(text(there)).scalar() is None:
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _refuse_newer(version: str | None, engine: Engine) -> None:
    if version is not None and version not in REVISIONS:
        message = f"the store at {engines.where(engine)} was written by a newer Headrace (schema {version}; this one knows {HEAD})"
        raise HeadraceError(Diagnostic("store-newer", message, help="pip install --upgrade headrace"), Exit.REFUSED)
