"""The tables of approvals, and whose a key is."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "approval_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        sa.Column("policies", sa.JSON(), nullable=False),
        sa.Column("requesters", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "approved", "rejected", "lapsed", "void", name="status", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("glass", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_request")),
        sa.UniqueConstraint(
            "model",
            "environment",
            "occasion",
            "subject",
            "attempt",
            name=op.f("uq_approval_request_model_environment_occasion_subject_attempt"),
        ),
    )
    op.create_index(op.f("ix_approval_request_model_number"), "approval_request", ["model", "number"])
    op.create_index(op.f("ix_approval_request_status"), "approval_request", ["status"])
    op.create_table(
        "approval_vote",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column(
            "choice",
            sa.Enum("approve", "reject", "break_glass", name="choice", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_vote")),
        sa.UniqueConstraint("request", "principal", name=op.f("uq_approval_vote_request_principal")),
    )
    op.add_column("api_key", sa.Column("principal", sa.String(), nullable=True))


def downgrade() -> None:
    """From this revision: votes are lost, and so is whose a key was."""
    with op.batch_alter_table("api_key") as table:
        table.drop_column("principal")
    op.drop_table("approval_vote")
    op.drop_table("approval_request")
