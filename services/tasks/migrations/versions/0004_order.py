"""Order between accounts: classes, weights, limits on running tasks, and a place in each lane."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_index("task_queue", "task")
    op.alter_column("task", "run_at", nullable=True)
    # A task that has not failed yet is not waiting for a retry.
    op.execute("UPDATE task SET run_at = NULL WHERE state = 'QUEUED' AND attempt = 0")
    op.create_index(
        "task_queue",
        "task",
        ["lane", "account_id", sa.text("priority DESC"), "id"],
        postgresql_where=sa.text("state = 'QUEUED' AND run_at IS NULL"),
    )
    op.create_index("task_retries", "task", ["lane", "run_at"], postgresql_where=sa.text("state = 'QUEUED' AND run_at IS NOT NULL"))
    op.add_column("account_policy", sa.Column("running", sa.Integer, nullable=False, server_default="0"))
    op.add_column("account_policy", sa.Column("max_running", sa.Integer))
    op.add_column("account_policy", sa.Column("weight", sa.Float, nullable=False, server_default="1"))
    op.add_column("account_policy", sa.Column("priority_class", sa.Integer, nullable=False, server_default="0"))
    op.create_check_constraint("account_policy_weight_positive", "account_policy", "weight > 0")
    op.execute("""
      UPDATE account_policy SET running = counted.tasks
      FROM (SELECT account_id, count(*) AS tasks FROM task WHERE state IN ('DISPATCHED', 'RUNNING') GROUP BY account_id) AS counted
      WHERE account_policy.account_id = counted.account_id
    """)
    op.create_table(
        "lane_account",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("priority_class", sa.Integer, nullable=False),
        sa.Column("queued", sa.Integer, nullable=False),
        sa.Column("virtual_time", sa.Float, nullable=False),
        sa.Column("waiting", sa.Boolean, sa.Computed("queued > 0", persisted=True)),
    )
    op.create_index(
        "lane_account_turn",
        "lane_account",
        ["lane", sa.text("priority_class DESC"), "virtual_time", "account_id"],
        postgresql_where=sa.text("waiting"),
    )
    op.execute("""
      INSERT INTO lane_account (lane, account_id, priority_class, queued, virtual_time)
      SELECT lane, account_id, 0, count(*) FILTER (WHERE state = 'QUEUED' AND run_at IS NULL), 0
      FROM task WHERE state IN ('QUEUED', 'DISPATCHED', 'RUNNING')
      GROUP BY lane, account_id
    """)
    op.create_table(
        "lane_class",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("priority_class", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("virtual_time", sa.Float, nullable=False),
        sa.Column("dispatched", sa.BigInteger, nullable=False),
    )
    # Few rows, updated very often: leave room on the page, so that most updates touch no index.
    op.execute("ALTER TABLE lane_account SET (fillfactor = 20)")
    op.execute("ALTER TABLE lane_class SET (fillfactor = 20)")


def downgrade() -> None:
    op.drop_table("lane_class")
    op.drop_table("lane_account")
    op.drop_constraint("account_policy_weight_positive", "account_policy")
    for column in ("priority_class", "weight", "max_running", "running"):
        op.drop_column("account_policy", column)
    op.drop_index("task_retries", "task")
    op.drop_index("task_queue", "task")
    op.execute("UPDATE task SET run_at = create_time WHERE run_at IS NULL")
    op.alter_column("task", "run_at", nullable=False)
    op.create_index("task_queue", "task", ["lane", sa.text("priority DESC"), "id"], postgresql_where=sa.text("state = 'QUEUED'"))
