"""The table of signed statements about versions, to which rows are only ever added; how far receivers have heard the log."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "attestation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
    )
    op.create_index(op.f("ix_attestation_model_number_kind"), "attestation", ["model", "number", "kind"])
    # A model may be renamed, and takes what was said of its versions along.
    said = "id, number, kind, media_type, key, digest, body, actor, at"
    for name, word in (("attestation_no_update", f"UPDATE OF {said}"), ("attestation_no_delete", "DELETE")):
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"CREATE TRIGGER {name} BEFORE {word} ON attestation FOR EACH ROW EXECUTE FUNCTION headrace_only_added()")
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {word} ON attestation"
                " BEGIN SELECT RAISE(ABORT, 'rows of attestation are only ever added'); END"
            )

    op.create_table(
        "announced",
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sink", name=op.f("pk_announced")),
    )


def downgrade() -> None:
    """From this revision."""
    op.drop_table("announced")
    op.drop_table("attestation")
