"""Units that a rollout saw fail, each once."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "failed_unit",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("candidate", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("model", "candidate", "unit", name=op.f("pk_failed_unit")),
    )


def downgrade() -> None:
    """From this revision."""
    op.drop_table("failed_unit")
