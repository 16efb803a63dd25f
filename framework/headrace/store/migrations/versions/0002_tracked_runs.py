"""The tables of tracked runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "experiment",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_experiment")),
    )
    op.create_table(
        "tracked",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("flow", sa.String(), nullable=True),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("running", "finished", "failed", "killed", name="status", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("dataset", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("born", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracked")),
    )
    op.create_index(op.f("ix_tracked_experiment_started_at"), "tracked", ["experiment", "started_at"], unique=False)
    op.create_index(op.f("ix_tracked_parent"), "tracked", ["parent"], unique=False)
    op.create_table(
        "tracked_artifact",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", "version", name=op.f("pk_tracked_artifact")),
    )
    op.create_table(
        "tracked_metric",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_tracked_metric")),
    )
    op.create_index(op.f("ix_tracked_metric_name"), "tracked_metric", ["name"], unique=False)
    op.create_table(
        "tracked_point",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracked_point")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tracked_point_run_id_name_step"), "tracked_point", ["run_id", "name", "step"], unique=False)
    op.create_table(
        "tracked_value",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column(
            "kind", sa.Enum("param", "tag", "digest", name="kind", native_enum=False, create_constraint=True, length=32), nullable=False
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "kind", "name", name=op.f("pk_tracked_value")),
    )
    op.create_index(op.f("ix_tracked_value_kind_name"), "tracked_value", ["kind", "name"], unique=False)


def downgrade() -> None:
    """Back to the one before it."""
    op.drop_index(op.f("ix_tracked_value_kind_name"), table_name="tracked_value")
    op.drop_table("tracked_value")
    op.drop_index(op.f("ix_tracked_point_run_id_name_step"), table_name="tracked_point")
    op.drop_table("tracked_point")
    op.drop_index(op.f("ix_tracked_metric_name"), table_name="tracked_metric")
    op.drop_table("tracked_metric")
    op.drop_table("tracked_artifact")
    op.drop_index(op.f("ix_tracked_parent"), table_name="tracked")
    op.drop_index(op.f("ix_tracked_experiment_started_at"), table_name="tracked")
    op.drop_table("tracked")
    op.drop_table("experiment")
