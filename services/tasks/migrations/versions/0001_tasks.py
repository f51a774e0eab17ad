"""Tasks with their events, attempts and admission."""

import sqlalchemy as sa
from alembic import op

from services.platform.migrations import CREATE_NEXT_ID, DROP_NEXT_ID

revision = "0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)
_STATES = "'QUEUED', 'DISPATCHED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'"


def upgrade() -> None:
    op.execute(CREATE_NEXT_ID)
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("operations", sa.ARRAY(sa.LargeBinary), nullable=False),
        sa.Column("input_file_ids", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("output_file_ids", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("notices", sa.ARRAY(sa.LargeBinary), nullable=False),
        sa.Column("price_millicredits", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("run_at", _MOMENT, nullable=False),
        sa.Column("dispatch_time", _MOMENT),
        sa.Column("run_id", sa.Uuid),
        sa.Column("lease_until", _MOMENT),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("progress_message", sa.Text, nullable=False),
        sa.Column("error_reason", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("create_time", _MOMENT, nullable=False),
        sa.Column("update_time", _MOMENT, nullable=False),
        sa.Column("start_time", _MOMENT),
        sa.Column("end_time", _MOMENT),
        sa.CheckConstraint(f"state IN ({_STATES})", name="task_state_known"),
    )
    op.create_index("task_queue", "task", ["lane", sa.text("priority DESC"), "id"], postgresql_where=sa.text("state = 'QUEUED'"))
    op.create_index("task_offered", "task", ["lane", "dispatch_time"], postgresql_where=sa.text("state = 'DISPATCHED'"))
    op.create_index("task_leases", "task", ["lease_until"], postgresql_where=sa.text("state = 'RUNNING'"))
    op.create_index("task_account", "task", ["account_id", sa.text("id DESC")])
    op.create_table(
        "task_event",
        sa.Column("task_id", sa.BigInteger, sa.ForeignKey("task.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("error_reason", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("time", _MOMENT, nullable=False),
        sa.Column("relay_at", _MOMENT),
    )
    op.create_index(
        "task_event_outbox", "task_event", ["relay_at", "task_id", "sequence"], postgresql_where=sa.text("relay_at IS NOT NULL")
    )
    op.create_table(
        "task_attempt",
        sa.Column("task_id", sa.BigInteger, sa.ForeignKey("task.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("start_time", _MOMENT, nullable=False),
        sa.Column("end_time", _MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("error_reason", sa.Text),
        sa.Column("error_message", sa.Text),
    )
    op.create_table(
        "account_policy",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("open", sa.Integer, nullable=False),
        sa.Column("max_open", sa.Integer),
        sa.CheckConstraint("open >= 0", name="account_policy_open_not_negative"),
    )
    # These rows are updated many times: leave room on the page, so that most updates touch no index.
    op.execute("ALTER TABLE task SET (fillfactor = 70)")
    op.execute("ALTER TABLE account_policy SET (fillfactor = 20)")


def downgrade() -> None:
    for table in ("account_policy", "task_attempt", "task_event", "task"):
        op.drop_table(table)
    op.execute(DROP_NEXT_ID)
