"""One row of an outbox for the events of a statement; events and attempts that a trigger removes with their task."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_MOMENT = sa.DateTime(timezone=True)
_BELONGING = ("task_event", "task_attempt")


def upgrade() -> None:
    op.create_table(
        "event_outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("task_ids", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("sequences", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("time", _MOMENT, nullable=False),
        sa.Column("retry_at", _MOMENT),
    )
    # In the order of a transition: the constraints below would lock the task last.
    op.execute("LOCK TABLE task, task_event, task_attempt IN ACCESS EXCLUSIVE MODE")
    for table in _BELONGING:
        op.drop_constraint(f"{table}_task_id_fkey", table, type_="foreignkey")
    # One call for a statement that deletes tasks, whichever version runs it. Foreign keys would be checked at each transition.
    op.execute("""
        CREATE FUNCTION remove_what_belongs_to_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          DELETE FROM task_event USING gone WHERE task_event.task_id = gone.id;
          DELETE FROM task_attempt USING gone WHERE task_attempt.task_id = gone.id;
          RETURN NULL;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER task_removed AFTER DELETE ON task REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION remove_what_belongs_to_tasks()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER task_removed ON task")
    op.execute("DROP FUNCTION remove_what_belongs_to_tasks()")
    for table in _BELONGING:
        op.create_foreign_key(f"{table}_task_id_fkey", table, "task", ["task_id"], ["id"], ondelete="CASCADE")
    op.drop_table("event_outbox")
