"""Batches of tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("task_count", sa.Integer, nullable=False),
        sa.Column("open", sa.Integer, nullable=False),
        sa.Column("succeeded", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("cancelled", sa.Integer, nullable=False),
        sa.Column("refused", sa.ARRAY(sa.LargeBinary), nullable=False),
        sa.Column("create_time", _MOMENT, nullable=False),
        sa.Column("end_time", _MOMENT),
        sa.Column("webhook_url", sa.Text),
        sa.CheckConstraint("open >= 0", name="batch_open_not_negative"),
        sa.CheckConstraint("(end_time IS NULL) = (open > 0)", name="batch_ends_with_its_last_task"),
    )
    op.create_index("batch_account", "batch", ["account_id", sa.text("id DESC")])
    op.create_index("batch_ended", "batch", ["end_time"], postgresql_where=sa.text("end_time IS NOT NULL"))
    for table in ("task", "webhook_delivery"):
        op.add_column(table, sa.Column("batch_id", sa.BigInteger, sa.ForeignKey("batch.id", ondelete="CASCADE")))
    op.add_column("task", sa.Column("batch_index", sa.Integer))
    op.create_index("task_batch", "task", ["batch_id", "batch_index"], postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.create_index("webhook_delivery_batch", "webhook_delivery", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_column("task", "batch_index")
    for table in ("webhook_delivery", "task"):
        op.drop_column(table, "batch_id")
    op.drop_table("batch")
