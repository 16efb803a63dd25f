"""What an API key may do; one from before this may do all that it could."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.add_column("api_key", sa.Column("scopes", sa.JSON(), nullable=True))


def downgrade() -> None:
    """From this revision."""
    with op.batch_alter_table("api_key") as table:
        table.drop_column("scopes")
