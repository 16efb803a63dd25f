"""The keys of subjects, and their erasures."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "subject_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("kek", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erasure", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_key")),
    )
    op.create_index(op.f("ix_subject_key_model_subject"), "subject_key", ["model", "subject"])
    op.create_index(op.f("ix_subject_key_model_kek"), "subject_key", ["model", "kek"])
    op.create_table(
        "subject_erasure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", "tag", name=op.f("pk_subject_erasure")),
    )
    op.create_index(op.f("ix_subject_erasure_tag_at"), "subject_erasure", ["tag", "at"])


def downgrade() -> None:
    """From this revision: the keys are lost, and with them all that they encrypted."""
    op.drop_table("subject_erasure")
    op.drop_table("subject_key")
