"""Experiments: their table, what may happen to one, and whom the weights of an epoch are dealt to."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
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
_NEW = (
    "rollout.handed_over",
    "experiment.started",
    "experiment.looked",
    "experiment.changed",
    "experiment.enrolled",
    "experiment.decided",
    "experiment.stopped",
    "experiment.failed",
)


def upgrade() -> None:
    """To this revision; weights that stand are dealt to everyone."""
    _allow((*_BEFORE, *_NEW))
    op.add_column("weights", sa.Column("among", sa.JSON(), nullable=True))
    op.create_table(
        "controlled_experiment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("candidate", sa.Integer(), nullable=False),
        sa.Column("champion", sa.Integer(), nullable=False),
        sa.Column("arms", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("declared", sa.JSON(), nullable=False),
        sa.Column("first_epoch", sa.Integer(), nullable=False),
        sa.Column("last_epoch", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enrols_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controlled_experiment")),
        sa.UniqueConstraint("model", "number", name=op.f("uq_controlled_experiment_model_number")),
    )
    op.create_index(op.f("ix_controlled_experiment_model_state"), "controlled_experiment", ["model", "state"])


def downgrade() -> None:
    """From this revision; experiments are lost, and their events: what was there before cannot hold them."""
    op.drop_index(op.f("ix_controlled_experiment_model_state"), "controlled_experiment")
    op.drop_table("controlled_experiment")
    with op.batch_alter_table("weights") as table:
        table.drop_column("among")
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
