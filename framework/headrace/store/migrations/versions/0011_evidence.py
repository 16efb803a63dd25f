"""What a gate's verdict was made of, and who lets a version through although it failed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision; earlier verdicts have no evidence."""
    op.add_column("verdict", sa.Column("evidence", sa.JSON(), nullable=True))
    op.add_column("verdict", sa.Column("waived", sa.JSON(), nullable=True))


def downgrade() -> None:
    """From this revision."""
    op.drop_column("verdict", "waived")
    op.drop_column("verdict", "evidence")
