"""Answers that are more than one number, and outcomes that are a class."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.add_column("prediction", sa.Column("answer", sa.JSON(), nullable=True))
    op.add_column("outcome", sa.Column("label", sa.String(), nullable=True))


def downgrade() -> None:
    """From this revision."""
    op.drop_column("outcome", "label")
    op.drop_column("prediction", "answer")
