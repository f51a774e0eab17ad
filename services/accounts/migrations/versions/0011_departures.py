"""People who are gone, until what they had elsewhere is gone as well."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "departure",
        sa.Column("public_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("public_id", name="departure_pkey"),
    )
    op.create_index("departure_due", "departure", ["next_at"])


def downgrade() -> None:
    op.drop_table("departure")
