"""When those who vote were reminded of a request, and when it was said that a review is overdue."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.add_column("approval_request", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("approval_request", sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """From this revision."""
    with op.batch_alter_table("approval_request") as table:
        table.drop_column("overdue_at")
        table.drop_column("reminded_at")
