"""Model cards: every version has one from its registration on, and only a card's status ever moves."""

from typing import Any
from uuid import uuid4

import rfc8785
import sqlalchemy as sa
from alembic import context, op

from headrace.digest import digest

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ("id", "model", "number", "card_version", "digest", "content", "actor", "at")
_KEPT = tuple(name for name in _COLUMNS if name != "model")
"""A model that gets another name takes its cards along."""
_NEEDED = {
    "identity": ["evidence"],
    "purpose": ["text"],
    "data": ["text", "evidence"],
    "model": ["evidence"],
    "evaluation": ["evidence"],
    "limitations": ["text"],
}


def upgrade() -> None:
    """To this revision. Versions that are there get a draft of their identity; where SQL text alters the store, they have none yet."""
    op.create_table(
        "model_card",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("approval", sa.String(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(sa.column("status").in_(("draft", "pending", "approved", "archived")), name=op.f("ck_model_card_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_card")),
        sa.UniqueConstraint("digest", name=op.f("uq_model_card_digest")),
        sa.UniqueConstraint("model", "number", "card_version", name=op.f("uq_model_card_model_number_card_version")),
    )
    if not context.is_offline_mode():
        _drafts()
    if op.get_context().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    """From this revision; the cards are lost."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER model_version_has_a_card ON model_version")
        op.drop_table("model_card")
        op.execute("DROP FUNCTION headrace_card_first()")
        op.execute("DROP FUNCTION headrace_card_kept()")
    else:
        op.execute("DROP TRIGGER model_version_has_a_card")
        op.drop_table("model_card")


def _guard_sqlite() -> None:
    kept = "SELECT RAISE(ABORT, 'a card is never changed: write a new one')"
    op.execute(f"CREATE TRIGGER model_card_kept BEFORE UPDATE OF {', '.join(_KEPT)} ON model_card BEGIN {kept}; END")
    op.execute(f"CREATE TRIGGER model_card_stays BEFORE DELETE ON model_card BEGIN {kept}; END")
    op.execute(
        "CREATE TRIGGER model_version_has_a_card BEFORE INSERT ON model_version "
        "WHEN NOT EXISTS (SELECT 1 FROM model_card WHERE model = NEW.model AND number = NEW.number) "
        "BEGIN SELECT RAISE(ABORT, 'a version needs its card first'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION headrace_card_kept() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a card is never changed: write a new one' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE FUNCTION headrace_card_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NOT EXISTS (SELECT 1 FROM model_card WHERE model = NEW.model AND number = NEW.number) THEN "
        "RAISE EXCEPTION 'a version needs its card first' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    kept = f"BEFORE UPDATE OF {', '.join(_KEPT)} ON model_card FOR EACH ROW EXECUTE FUNCTION headrace_card_kept()"
    op.execute(f"CREATE TRIGGER model_card_kept {kept}")
    op.execute("CREATE TRIGGER model_card_stays BEFORE DELETE ON model_card FOR EACH ROW EXECUTE FUNCTION headrace_card_kept()")
    op.execute("CREATE TRIGGER model_version_has_a_card BEFORE INSERT ON model_version FOR EACH ROW EXECUTE FUNCTION headrace_card_first()")


def _drafts() -> None:
    """A draft of every version that is there."""
    connection = op.get_bind()
    columns = "model, number, run_id, model_digest, manifest_digest, created_at"
    versions = sa.table("model_version", *(sa.column(name.strip()) for name in columns.split(",")))
    cards = sa.table("model_card", *(sa.column(name) for name in (*_COLUMNS, "status", "moved_at")))
    moment = sa.column("created_at", sa.DateTime(timezone=True))
    rows = connection.execute(sa.select(*(versions.c[n] for n in ("model", "number", "run_id", "model_digest", "manifest_digest")), moment))
    for model, number, run, model_digest, manifest_digest, created in rows.fetchall():
        content: dict[str, Any] = {
            "schema_version": 1,
            "card_version": 1,
            "required": _NEEDED,
            "identity": {
                "name": model,
                "version": number,
                "model_digest": model_digest,
                "manifest_digest": manifest_digest,
                "run": run,
                "created_at": created.isoformat(),
            },
        }
        connection.execute(
            sa.insert(cards).values(
                id=uuid4().hex,
                model=model,
                number=number,
                card_version=1,
                digest=digest(rfc8785.dumps(content)),
                content=sa.literal(content, sa.JSON()),
                actor="service:migration",
                at=sa.literal(created, sa.DateTime(timezone=True)),
                status="draft",
                moved_at=sa.literal(created, sa.DateTime(timezone=True)),
            )
        )
