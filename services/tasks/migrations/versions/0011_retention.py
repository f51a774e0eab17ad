"""Retention: ended rows are found by the time of their end, and events up to a position in that order have been removed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index("task_ended", "task", ["end_time", "id"], postgresql_where=sa.text("end_time IS NOT NULL"))
    op.create_index("webhook_delivery_ended", "webhook_delivery", ["end_time"], postgresql_where=sa.text("end_time IS NOT NULL"))
    op.create_table(
        "event_retention",
        sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("task_id", sa.BigInteger, nullable=False),
        sa.CheckConstraint("single", name="event_retention_single"),
    )
    op.execute("INSERT INTO event_retention (end_time, task_id) VALUES ('epoch', 0)")


def downgrade() -> None:
    op.drop_table("event_retention")
    op.drop_index("webhook_delivery_ended", "webhook_delivery")
    op.drop_index("task_ended", "task")
