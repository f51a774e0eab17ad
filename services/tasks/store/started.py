"""Tasks that start with the statement that stores them, since a slot is free and no task waits in their lane.

Such a task is stored RUNNING, with every trace that CREATE and TAKE would have left one after the other.
"""

from __future__ import annotations

from services.tasks.store.finished import TURNS
from services.tasks.store.parts import REMEMBERED, RESERVED

SLOT_COLUMNS = "run_id uuid, worker text, lease_until timestamptz"

# In the order of the index, which has but those that wait.
IF_NOBODY_WAITS = """ AND (
    SELECT true FROM lane_account WHERE lane_account.lane = asked.lane AND waiting
    ORDER BY priority_class DESC, virtual_time, account_id LIMIT 1
  ) IS NULL"""

IF_MAY_RUN = """
    AND account_policy.running + taken.tasks <= coalesce(account_policy.max_running, CAST(:max_running AS integer))"""

_STARTED = """
  INSERT INTO task (
    id, account_id, state, lane, priority, trace_id, operations, input_file_ids, input_names, output_file_ids, notices, expected_outputs,
    price_millicredits, multiplier_permille, reserved_millicredits, charged_millicredits, unlimited,
    attempt, max_attempts, run_id, lease_until, progress, progress_message, last_sequence, create_time, update_time, start_time, deadline,
    webhook_url, pooled, surface, client_request, later_inputs, deadline_to_start, destination
  )
  SELECT
    asked.id, asked.account_id, 'RUNNING', lane, priority, trace_id, operations, input_file_ids, input_names, '{}', notices,
    expected_outputs, price_millicredits, multiplier_permille, price_millicredits, 0, unlimited,
    1, max_attempts, run_id, lease_until, 0, '', 2, now, now, now, deadline,
    webhook_url, pooled, surface, client_request, later_inputs, deadline_to_start, destination
  FROM asked JOIN admitted ON admitted.account_id = asked.account_id
  RETURNING id, account_id, lane, run_id, create_time, unlimited, reserved_millicredits"""

_EVENTS = """
event AS (
  INSERT INTO task_event (task_id, sequence, state, attempt, progress, message, time)
  SELECT id, step.sequence, step.state, step.attempt, 0, '', create_time
  FROM moved CROSS JOIN (VALUES (1, 'QUEUED', 0), (2, 'RUNNING', 1)) AS step (sequence, state, attempt)
),
outbox AS (
  INSERT INTO event_outbox (task_ids, sequences, time)
  SELECT array_agg(id ORDER BY id, sequence), array_agg(sequence ORDER BY id, sequence), max(create_time)
  FROM moved CROSS JOIN generate_series(1, 2) AS sequence HAVING count(*) > 0
  RETURNING id AS outbox_id, cardinality(task_ids) AS outbox_events
),
attempts AS (
  INSERT INTO task_attempt (task_id, attempt, run_id, worker, start_time)
  SELECT moved.id, 1, moved.run_id, asked.worker, moved.create_time FROM moved JOIN asked ON asked.id = moved.id
)"""


def create_started(asked_and_admitted: str) -> str:
    """The statement that stores tasks with slots, from the parts of CREATE: which tasks are asked for, with SLOT_COLUMNS, and the update
    of their accounts' rows."""
    parts = ",".join((_EVENTS, RESERVED, TURNS, REMEMBERED))
    return f"""WITH {asked_and_admitted}
moved AS ({_STARTED}
),{parts}
SELECT asked.number, asked.id, outbox.* FROM moved JOIN asked ON asked.id = moved.id CROSS JOIN outbox ORDER BY asked.number"""  # noqa: S608 - put together from constants
