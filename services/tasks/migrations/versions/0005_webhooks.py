"""Webhooks: receivers, their secrets, and the outbox of deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("task", sa.Column("webhook_url", sa.Text))
    op.create_table(
        "webhook",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("create_time", _MOMENT, nullable=False),
        sa.Column("disable_time", _MOMENT),
    )
    op.create_index("webhook_account", "webhook", ["account_id", "id"])
    op.create_table(
        "webhook_secret",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("webhook_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("previous_secret", sa.Text),
        sa.Column("previous_until", _MOMENT),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("webhook_id", sa.BigInteger, nullable=False),
        sa.Column("task_id", sa.BigInteger, sa.ForeignKey("task.id", ondelete="CASCADE")),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("lane", sa.BigInteger, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at", _MOMENT),
        sa.Column("attempt_time", _MOMENT),
        sa.Column("response_status", sa.Integer),
        sa.Column("response_body", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("create_time", _MOMENT, nullable=False),
        sa.Column("end_time", _MOMENT),
    )
    op.create_index("webhook_delivery_outbox", "webhook_delivery", ["lane", "next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_index("webhook_delivery_account", "webhook_delivery", ["account_id", sa.text("id DESC")])
    op.create_index("webhook_delivery_task", "webhook_delivery", ["task_id"], postgresql_where=sa.text("task_id IS NOT NULL"))


def downgrade() -> None:
    for table in ("webhook_delivery", "webhook_secret", "webhook"):
        op.drop_table(table)
    op.drop_column("task", "webhook_url")
