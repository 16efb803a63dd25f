"""What experiments are judged by: the arm that each unit saw first, and the business metrics that were told of it."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "measure",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_measure")),
        sa.UniqueConstraint("model", "id", name=op.f("uq_measure_model_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_measure_model_metric_unit_at"), "measure", ["model", "metric", "unit", "at"])
    op.create_table(
        "exposure",
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("switched", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("experiment", "unit", name=op.f("pk_exposure")),
    )
    op.create_index(op.f("ix_exposure_experiment_arm_epoch"), "exposure", ["experiment", "arm", "epoch"])
    op.create_table(
        "exposure_cursor",
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("seq", _SERIAL, nullable=False),
        sa.PrimaryKeyConstraint("experiment", name=op.f("pk_exposure_cursor")),
    )


def downgrade() -> None:
    """From this revision; exposures are made again of the journal, measures are lost."""
    op.drop_table("exposure_cursor")
    op.drop_index(op.f("ix_exposure_experiment_arm_epoch"), "exposure")
    op.drop_table("exposure")
    op.drop_index(op.f("ix_measure_model_metric_unit_at"), "measure")
    op.drop_table("measure")
