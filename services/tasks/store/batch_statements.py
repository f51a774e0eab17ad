"""The SQL of batches. What the end of a task does to its batch is part of the task's transitions, in `store/parts.py`."""

from sqlalchemy import text

from services.common.idempotency import remembered
from services.tasks.store.parts import JOINS_THE_LANE, RESERVED, transition

NEXT_IDS = text("SELECT next_id() FROM generate_series(1, CAST(:count AS integer))")
"""Ids for a batch and its tasks."""

LOCK_ACCOUNT = text("""
INSERT INTO account_policy AS policy (account_id, open) VALUES (:account_id, 0)
ON CONFLICT (account_id) DO UPDATE SET open = policy.open
RETURNING
  policy.open, coalesce(policy.max_open, CAST(:max_open AS integer)) AS max_open, policy.available_millicredits,
  coalesce(policy.unlimited, CAST(:unlimited AS boolean)) AS unlimited,
  coalesce(policy.multiplier_permille, CAST(:multiplier_permille AS integer)) AS multiplier_permille
""")
"""First statement of a creation: hold the account's row, or bring it, until the end of the transaction. What is decided by this row holds
until then."""

CREATE = transition(
    """
  INSERT INTO task (
    id, account_id, state, lane, priority, trace_id, operations, input_file_ids, output_file_ids, notices, expected_outputs,
    price_millicredits, multiplier_permille, reserved_millicredits, charged_millicredits, unlimited,
    attempt, max_attempts, run_at, progress, progress_message, last_sequence, create_time, update_time, deadline, batch_id, batch_index
  )
  SELECT
    item.id, admitted.account_id, 'QUEUED', item.lane, :priority, :trace_id, item.operations, item.input_file_ids, '{}', '{}',
    item.expected_outputs, item.price, :multiplier_permille, item.price, 0, :unlimited,
    0, :max_attempts, NULL, 0, '', 1, :now, :now, :deadline, added.id, item.index
  FROM admitted CROSS JOIN added CROSS JOIN jsonb_to_recordset(CAST(:items AS jsonb)) AS item (
    id bigint, index integer, lane text, operations bytea[], input_file_ids bigint[], price bigint, expected_outputs integer
  )
  RETURNING *""",
    RESERVED,
    JOINS_THE_LANE,
    remembered("added"),
    before="""
admitted AS (
  UPDATE account_policy SET
    open = open + :task_count,
    available_millicredits = available_millicredits - :held_millicredits,
    reserved_millicredits = reserved_millicredits + :held_millicredits
  WHERE account_id = :account_id
  RETURNING account_id, priority_class
),
added AS (
  INSERT INTO batch (id, account_id, task_count, open, succeeded, failed, cancelled, refused, create_time, webhook_url)
  SELECT :batch_id, account_id, :task_count, :task_count, 0, 0, 0, :refused, :now, :webhook_url FROM admitted
  RETURNING *
),""",
)
"""Accept a batch with all its tasks, hold their prices, and store the key of the call. After LOCK_ACCOUNT, in the same transaction."""

_NOW = """
SELECT batch.*, coalesce(now.queued, 0) AS queued, coalesce(now.dispatched, 0) AS dispatched, coalesce(now.running, 0) AS running,
  coalesce(now.progress, 0) AS progress
FROM batch LEFT JOIN LATERAL (
  SELECT
    count(*) FILTER (WHERE state = 'QUEUED') AS queued,
    count(*) FILTER (WHERE state = 'DISPATCHED') AS dispatched,
    count(*) FILTER (WHERE state = 'RUNNING') AS running,
    sum(task.progress) AS progress
  FROM task WHERE task.batch_id = batch.id AND task.end_time IS NULL
) AS now ON batch.end_time IS NULL
"""
GET = text(_NOW + "WHERE batch.id = :id AND batch.account_id = :account_id")
"""One batch of the account. The tasks that have not ended, at most 500, are counted; for those that have, there are counters."""

LIST = text(_NOW + "WHERE batch.account_id = :account_id AND batch.id < :before_id ORDER BY batch.id DESC LIMIT :limit")
"""A page of the account's batches, newest first."""

TASKS = text("""
SELECT * FROM task
WHERE batch_id = :batch_id AND account_id = :account_id AND batch_index > :after_index
  AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
ORDER BY batch_index
LIMIT :limit
""")
"""Tasks of a batch, in the order of its items."""

DELETE = text("DELETE FROM batch WHERE id = :id AND account_id = :account_id AND end_time IS NOT NULL RETURNING id")
"""Forget a batch that has ended, with its tasks, their events and attempts."""
