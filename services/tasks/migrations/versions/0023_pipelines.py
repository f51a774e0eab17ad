"""Saved pipelines, and how far the operations of a task have come."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "pipeline",
        sa.Column("number", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("pipeline_account", "pipeline", ["account_id", "number"])
    op.add_column("task", sa.Column("operation_bytes", sa.ARRAY(sa.BigInteger)))


def downgrade() -> None:
    op.drop_column("task", "operation_bytes")
    op.drop_table("pipeline")
