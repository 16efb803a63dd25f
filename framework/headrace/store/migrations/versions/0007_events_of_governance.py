"""What may happen to a version beside its rollout: stages, cards, votes, statements about it, and its withdrawal."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BEFORE = (
    "run.started",
    "run.ended",
    "candidate.registered",
    "gates.judged",
    "candidate.passed",
    "candidate.rejected",
    "rollout.started",
    "rollout.raised",
    "rollout.held",
    "rollout.aborted",
    "rollout.promoted",
    "rollout.rolled_back",
    "alias.moved",
    "window.closed",
    "window.labelled",
    "alert.fired",
    "alert.resolved",
    "alert.delivered",
    "retraining.requested",
    "retraining.declined",
    "server.swapped",
)
_NEW = (
    "stage.moved",
    "version.withdrawn",
    "version.attested",
    "gate.waived",
    "card.written",
    "approval.requested",
    "approval.voted",
    "approval.decided",
    "promotion.refused",
)


def upgrade() -> None:
    """To this revision."""
    _allow((*_BEFORE, *_NEW))


def downgrade() -> None:
    """From this revision; events of the kinds that it brought are lost, for what was there before it cannot hold them."""
    op.execute(sa.delete(sa.table("event", sa.column("kind"))).where(sa.column("kind").in_(_NEW)))
    _allow(_BEFORE)


def _allow(words: tuple[str, ...]) -> None:
    """Let `kind` be one of these words, and no other."""
    if op.get_context().dialect.name == "sqlite":
        _made_again(words)
        return
    op.drop_constraint(op.f("ck_event_kind"), "event", type_="check")
    op.create_check_constraint(op.f("ck_event_kind"), "event", sa.column("kind").in_(words))


def _made_again(words: tuple[str, ...]) -> None:
    """SQLite changes no constraint, so the table is made again; by hand, since Alembic's batch takes constraints in any order."""
    op.rename_table("event", "event_before")
    table = op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("successor", sa.String(length=32), nullable=True),
        sa.CheckConstraint(sa.column("kind").in_(words), name=op.f("ck_event_kind")),
        sa.CheckConstraint(sa.column("successor").in_(("train", "roll_out", "monitor")), name=op.f("ck_event_successor")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event_id")),
        sqlite_autoincrement=True,
    )
    before = sa.table("event_before", *(sa.column(column.name) for column in table.columns))
    op.execute(sa.insert(table).from_select([column.name for column in table.columns], sa.select(before)))
    op.drop_table("event_before")
    op.create_index(op.f("ix_event_cause"), "event", ["cause"])
    op.create_index(op.f("ix_event_model_seq"), "event", ["model", "seq"])
