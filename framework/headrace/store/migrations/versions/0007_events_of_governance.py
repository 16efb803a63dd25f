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
    _allow((*_BEFORE, *_NEW), now=_BEFORE)


def downgrade() -> None:
    """From this revision; events of the kinds that it brought are lost, for what was there before it cannot hold them."""
    op.execute(sa.delete(sa.table("event", sa.column("kind"))).where(sa.column("kind").in_(_NEW)))
    _allow(_BEFORE, now=(*_BEFORE, *_NEW))


def _allow(words: tuple[str, ...], *, now: tuple[str, ...]) -> None:
    """Let `kind` be one of these words, and no longer one of those."""
    with op.batch_alter_table("event", copy_from=_table(now), table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f("ck_event_kind"), type_="check")
        table.create_check_constraint(op.f("ck_event_kind"), sa.column("kind").in_(words))


def _table(words: tuple[str, ...]) -> sa.Table:
    """The table as it stands: SQLite cannot change a constraint, so it is made again, and that without being looked at."""
    return sa.Table(
        "event",
        sa.MetaData(),
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
        sa.CheckConstraint(sa.column("kind").in_(words), name="ck_event_kind"),
        sa.CheckConstraint(sa.column("successor").in_(("train", "roll_out", "monitor")), name="ck_event_successor"),
        sa.PrimaryKeyConstraint("seq", name="pk_event"),
        sa.UniqueConstraint("id", name="uq_event_id"),
        sa.Index("ix_event_cause", "cause"),
        sa.Index("ix_event_model_seq", "model", "seq"),
        sqlite_autoincrement=True,
    )
