"""Tasks that are stored once they are done: short runs, whose callers wait, and which nobody had to wait for.

Such a task is stored with every trace that it would have left had it been queued, taken and completed: three events, an attempt, its
ledger's entries, the turn of its account, webhooks and the idempotency key, all in one statement. A run that is not stored never was.
"""

from __future__ import annotations

from sqlalchemy import text

from services.tasks.store.parts import REMEMBERED, SETTLED, WEBHOOKS

ROOM = text("""
SELECT
  next_id() AS task_id,
  EXISTS (SELECT FROM lane_account WHERE lane = :lane AND waiting) AS waits,
  (
    SELECT running + :under_way < coalesce(max_running, :max_running) FROM account_policy WHERE account_id = :account_id
  ) IS TRUE AS has_room
""")
"""Whether an account may run one more task now, and whether any task waits in the lane; with the id that the task would get."""

_CHARGED = """
admitted AS (
  UPDATE account_policy SET available_millicredits = account_policy.available_millicredits - taken.charged
  FROM policy JOIN (
    SELECT
      account_id, count(*) AS tasks, count(*) FILTER (WHERE pooled) AS pooled,
      coalesce(sum(price_millicredits) FILTER (WHERE NOT unlimited), 0) AS held,
      coalesce(sum(charged_millicredits) FILTER (WHERE NOT unlimited), 0) AS charged
    FROM asked GROUP BY account_id
  ) AS taken ON taken.account_id = policy.account_id"""

_FINISHED = """
  INSERT INTO task (
    id, account_id, state, lane, priority, trace_id, operations, input_file_ids, input_names, output_file_ids, notices, expected_outputs,
    price_millicredits, multiplier_permille, reserved_millicredits, charged_millicredits, unlimited,
    attempt, max_attempts, run_id, progress, progress_message, last_sequence, create_time, update_time, start_time, end_time, deadline,
    webhook_url, pooled, surface, client_request, deadline_to_start, operation_bytes, unchanged
  )
  SELECT
    asked.id, asked.account_id, 'SUCCEEDED', lane, priority, trace_id, operations, input_file_ids, input_names, output_file_ids, notices,
    expected_outputs, price_millicredits, multiplier_permille, price_millicredits, charged_millicredits, unlimited,
    1, max_attempts, run_id, 1, '', 3, start_time, now, start_time, now, deadline,
    webhook_url, pooled, surface, client_request, deadline_to_start, operation_bytes, unchanged
  FROM asked JOIN admitted ON admitted.account_id = asked.account_id
  RETURNING *"""

_EVENTS = """
event AS (
  INSERT INTO task_event (task_id, sequence, state, attempt, progress, message, error_reason, error_message, time, unchanged)
  SELECT
    id, step.sequence, step.state, step.attempt, step.progress, '', NULL, NULL,
    CASE step.state WHEN 'SUCCEEDED' THEN end_time ELSE create_time END, step.state = 'SUCCEEDED' AND unchanged
  FROM moved CROSS JOIN (VALUES (1, 'QUEUED', 0, 0), (2, 'RUNNING', 1, 0), (3, 'SUCCEEDED', 1, 1))
    AS step (sequence, state, attempt, progress)
),
outbox AS (
  INSERT INTO event_outbox (task_ids, sequences, time)
  SELECT array_agg(id ORDER BY id, sequence), array_agg(sequence ORDER BY id, sequence), max(update_time)
  FROM moved CROSS JOIN generate_series(1, 3) AS sequence HAVING count(*) > 0
  RETURNING id AS outbox_id, cardinality(task_ids) AS outbox_events
),
attempts AS (
  INSERT INTO task_attempt (task_id, attempt, run_id, worker, start_time, end_time, outcome)
  SELECT moved.id, 1, moved.run_id, asked.worker, moved.start_time, moved.end_time, 'SUCCEEDED'
  FROM moved JOIN asked ON asked.id = moved.id
),
reserved AS (
  INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time)
  SELECT account_id, id, 'RESERVE', reserved_millicredits, unlimited, create_time FROM moved WHERE reserved_millicredits > 0
)"""

# Several rows in one order. As TAKE does: an account has no credit for having found the lane empty.
TURNS = """
turn AS (
  SELECT
    moved.lane, moved.account_id, admitted.priority_class, count(*) AS tasks, admitted.weight,
    greatest(coalesce(max(contender.virtual_time), 0), coalesce(max(class.virtual_time), 0)) AS start
  FROM moved JOIN admitted ON admitted.account_id = moved.account_id
  LEFT JOIN lane_account AS contender ON contender.lane = moved.lane AND contender.account_id = moved.account_id
  LEFT JOIN lane_class AS class ON class.lane = moved.lane AND class.priority_class = admitted.priority_class
  GROUP BY moved.lane, moved.account_id, admitted.priority_class, admitted.weight
),
accounts_advance AS (
  INSERT INTO lane_account AS known (lane, account_id, priority_class, queued, virtual_time)
  SELECT lane, account_id, priority_class, 0, start + tasks / weight FROM turn ORDER BY account_id, lane
  ON CONFLICT (lane, account_id) DO UPDATE SET virtual_time = greatest(known.virtual_time, excluded.virtual_time)
),
classes_advance AS (
  INSERT INTO lane_class AS known (lane, priority_class, virtual_time, dispatched)
  SELECT lane, priority_class, max(start + (tasks - 1) / weight), sum(tasks) FROM turn
  GROUP BY lane, priority_class ORDER BY lane, priority_class
  ON CONFLICT (lane, priority_class) DO UPDATE SET
    virtual_time = greatest(known.virtual_time, excluded.virtual_time), dispatched = known.dispatched + excluded.dispatched
)"""

FURTHER_COLUMNS = """
  run_id uuid, worker text, start_time timestamptz, output_file_ids bigint[], operation_bytes bigint[], unchanged boolean,
  charged_millicredits bigint"""


def create_finished(asked: str, admitted_if: str) -> str:
    """The statement that stores finished tasks, from the parts of CREATE: which tasks are `asked` for, with FURTHER_COLUMNS, and the
    condition on the account's row."""
    parts = ",".join((_EVENTS, SETTLED, WEBHOOKS, TURNS, REMEMBERED))
    return f"""WITH {asked}{_CHARGED}{admitted_if}
  RETURNING account_policy.account_id, priority_class, weight
),
moved AS ({_FINISHED}
),{parts}
SELECT moved.*, outbox.*, asked.number FROM moved JOIN asked ON asked.id = moved.id CROSS JOIN outbox ORDER BY asked.number"""  # noqa: S608 - put together from constants
