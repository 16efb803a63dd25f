"""The audit log as a tree: entries that are only ever added, its head, its tiles, and what is counted only."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ADDED = ("audit_entry", "audit_node", "audit_earlier")
"""Tables whose rows are only ever added."""


def upgrade() -> None:
    """To this revision; rows from before it stand apart, and the log's first entry has their digest."""
    _tables()
    said = "actor, action, subject"
    op.execute(
        f"INSERT INTO audit_earlier (seq, {said}, at, recorded_at) SELECT seq, {said}, at, recorded_at FROM audit WHERE fold IS NULL"
    )
    hour = "date_trunc('hour', recorded_at, 'UTC')" if _postgresql() else "substr(recorded_at, 1, 13) || ':00:00.000000'"
    op.execute(
        f"INSERT INTO audit_count ({said}, hour, n, at, recorded_at)"
        f" SELECT {said}, {hour}, sum(n), max(at), max(recorded_at) FROM audit WHERE fold IS NOT NULL GROUP BY {said}, {hour}"
    )
    op.drop_table("audit")
    for statement in _guards_of_postgresql() if _postgresql() else _guards_of_sqlite():
        op.execute(statement)


def downgrade() -> None:
    """From this revision: who wrote what stays, as rows that nothing vouches for; the tree is lost."""
    op.create_table(
        "audit",
        sa.Column("seq", _BIG, autoincrement=True, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("fold", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("fold", name=op.f("uq_audit_fold")),
        sqlite_autoincrement=True,
    )
    said = "actor, action, subject, at, recorded_at"
    for table in ("audit_earlier", "audit_entry"):
        op.execute(f"INSERT INTO audit ({said}, n) SELECT {said}, 1 FROM {table} ORDER BY seq")
    for table in ("audit_head", "audit_count", *_ADDED):
        op.drop_table(table)
    if _postgresql():
        op.execute("DROP FUNCTION headrace_audit_only_added")
        op.execute("DROP FUNCTION headrace_audit_next")
        op.execute("DROP FUNCTION headrace_audit_forward")


def _postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _written() -> list[sa.Column[Any]]:
    return [
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _tables() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("seq", _BIG, autoincrement=False, nullable=False),
        *_written(),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
    )
    op.create_table(
        "audit_earlier",
        sa.Column("seq", _BIG, autoincrement=False, nullable=False),
        *_written(),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_earlier")),
    )
    op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", _BIG, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_audit_node")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("size", _BIG, nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_count",
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "action", "subject", "hour", name=op.f("pk_audit_count")),
    )


# An entry has the number that comes next, and the head moves by one. On SQLite the first is also what refuses INSERT OR REPLACE, which
# takes a row away without asking the trigger on DELETE.


def _guards_of_sqlite() -> list[str]:
    refuse = "SELECT RAISE(ABORT, 'the audit log is only ever added to')"
    made = [
        f"CREATE TRIGGER {table}_{word.lower()} BEFORE {word} ON {table} BEGIN {refuse}; END"
        for table in _ADDED
        for word in ("UPDATE", "DELETE")
    ]
    return [
        *made,
        (
            "CREATE TRIGGER audit_entry_insert BEFORE INSERT ON audit_entry"
            f" WHEN NEW.seq IS NOT (SELECT size FROM audit_head WHERE id = 1) BEGIN {refuse}; END"
        ),
        (
            "CREATE TRIGGER audit_node_insert BEFORE INSERT ON audit_node"
            f' WHEN EXISTS (SELECT 1 FROM audit_node WHERE level = NEW.level AND "index" = NEW."index") BEGIN {refuse}; END'
        ),
        f"CREATE TRIGGER audit_earlier_insert BEFORE INSERT ON audit_earlier BEGIN {refuse}; END",
        f"CREATE TRIGGER audit_head_insert BEFORE INSERT ON audit_head WHEN EXISTS (SELECT 1 FROM audit_head) BEGIN {refuse}; END",
        f"CREATE TRIGGER audit_head_delete BEFORE DELETE ON audit_head BEGIN {refuse}; END",
        (
            "CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_head"
            f" WHEN NEW.id <> OLD.id OR NEW.log <> OLD.log OR NEW.size <> OLD.size + 1 BEGIN {refuse}; END"
        ),
    ]


def _guards_of_postgresql() -> list[str]:
    refuse = "RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = 'restrict_violation';"
    return [
        f"CREATE FUNCTION headrace_audit_only_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$",
        (
            "CREATE FUNCTION headrace_audit_next() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.seq IS DISTINCT FROM (SELECT size FROM audit_head WHERE id = 1) THEN {refuse} END IF; RETURN NEW; END $$"
        ),
        (
            "CREATE FUNCTION headrace_audit_forward() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.id <> OLD.id OR NEW.log <> OLD.log OR NEW.size <> OLD.size + 1 THEN {refuse} END IF; RETURN NEW; END $$"
        ),
        *(
            f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION headrace_audit_only_added()"
            for table in _ADDED
        ),
        (
            "CREATE TRIGGER audit_earlier_insert BEFORE INSERT ON audit_earlier"
            " FOR EACH STATEMENT EXECUTE FUNCTION headrace_audit_only_added()"
        ),
        "CREATE TRIGGER audit_entry_insert BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION headrace_audit_next()",
        (
            "CREATE TRIGGER audit_head_kept BEFORE DELETE OR TRUNCATE ON audit_head"
            " FOR EACH STATEMENT EXECUTE FUNCTION headrace_audit_only_added()"
        ),
        "CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION headrace_audit_forward()",
    ]
