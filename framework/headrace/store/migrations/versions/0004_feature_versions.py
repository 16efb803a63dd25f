"""The tables of feature views over time, to which rows are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEPT = ("feature_version", "feature_values")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "feature_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("view", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_version")),
        sa.UniqueConstraint("view", "number", name=op.f("uq_feature_version_view_number")),
    )
    op.create_table(
        "feature_values",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_values")),
        sa.UniqueConstraint("version_id", "number", name=op.f("uq_feature_values_version_id_number")),
    )
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION headrace_only_added() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION USING MESSAGE = 'rows of ' || TG_TABLE_NAME || ' are only ever added'; END $$"
        )
    for table in KEPT:
        for word in ("UPDATE", "DELETE"):
            name = f"{table}_no_{word.lower()}"
            if dialect == "postgresql":
                op.execute(f"CREATE TRIGGER {name} BEFORE {word} ON {table} FOR EACH ROW EXECUTE FUNCTION headrace_only_added()")
            else:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {word} ON {table} BEGIN SELECT RAISE(ABORT, 'rows of {table} are only ever added'); END"
                )


def downgrade() -> None:
    """From this revision."""
    op.drop_table("feature_values")
    op.drop_table("feature_version")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION headrace_only_added()")
