"""The statements that change no task's state."""

from sqlalchemy import text

NEXT_IDS = text("SELECT next_id() AS id FROM generate_series(1, :count)")
"""Ids of new tasks."""

REDISPATCH = text("""
WITH overdue AS (
  SELECT id FROM task
  WHERE lane = :lane AND state = 'DISPATCHED' AND dispatch_time <= :offered_before
  ORDER BY dispatch_time
  LIMIT :limit
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE task SET dispatch_time = :now
FROM overdue
WHERE task.id = overdue.id AND task.state = 'DISPATCHED'
RETURNING task.*
""")
"""Take tasks whose offer was made long ago, to publish it again. No transition: the state stays. The new time keeps others off."""

OFFERED = text("""
SELECT count(*) AS offered, count(*) FILTER (WHERE dispatch_time <= :offered_before) AS overdue
FROM task WHERE lane = :lane AND state = 'DISPATCHED'
""")
"""How many tasks of a lane are offered, and how many of them for long."""

STARTED = text("SELECT * FROM task WHERE id = :id AND state = 'RUNNING' AND run_id = :run_id")
"""The task, if START has admitted this very run before and it is still on: its reply was lost."""

RENEW = text("""
UPDATE task SET lease_until = least(:lease_until, start_time + :timeout)
WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
RETURNING id
""")
"""Renew the lease, up to the same moment, where there is no news."""

COMPLETED = text("SELECT 1 FROM task WHERE id = :id AND state = 'SUCCEEDED' AND attempt = :attempt")
"""Whether COMPLETE has accepted this attempt before: its reply was lost."""

LOST = text("""
SELECT id, attempt, lease_until >= start_time + :timeout AS timed_out FROM task
WHERE state = 'RUNNING' AND lease_until <= :now
ORDER BY lease_until
LIMIT :limit
""")
"""Attempts whose lease has ended, and whether with their time; FAIL decides on each."""

LOST_BEFORE = text("SELECT count(*) FROM task_attempt WHERE task_id = :id AND attempt < :attempt AND error_reason = 'WORKER_LOST'")
"""How many workers a task has lost before an attempt."""

OVERDUE = text("SELECT id FROM task WHERE deadline <= :now AND end_time IS NULL ORDER BY deadline LIMIT :limit")
"""Tasks whose deadline has come; EXPIRE decides on each."""

DELETE = text("""
DELETE FROM task WHERE id = :id AND account_id = :account_id AND state IN ('SUCCEEDED', 'FAILED', 'CANCELLED') RETURNING id
""")
"""Forget a task of the account that has ended, with its events and attempts."""

GET = text("SELECT * FROM task WHERE id = :id AND account_id = :account_id")
"""One task of the account."""

LIST = text("""
SELECT * FROM task
WHERE account_id = :account_id AND id < :before_id AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
  AND (CAST(:attempted AS boolean) IS NULL OR (attempt > 0) = :attempted)
ORDER BY id DESC
LIMIT :limit
""")
"""A page of the account's tasks, newest first, from a position that new tasks do not move."""

LOOKUP = text("SELECT id, state, output_file_ids FROM task WHERE id = ANY(:ids)")
"""How tasks of any account stand."""

ATTEMPTS = text("SELECT * FROM task_attempt WHERE task_id = :task_id ORDER BY attempt")
"""The history of a task's attempts."""

EVENTS_AFTER = text("SELECT * FROM task_event WHERE task_id = :task_id AND sequence > :sequence ORDER BY sequence LIMIT :limit")
"""A task's events from a number on."""

TAKE_EVENTS = text("""
WITH due AS (
  SELECT task_id, sequence FROM task_event
  WHERE relay_at <= :now
  ORDER BY relay_at, task_id, sequence
  LIMIT :limit
  FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
  UPDATE task_event SET relay_at = :retry_at
  FROM due
  WHERE task_event.task_id = due.task_id AND task_event.sequence = due.sequence
  RETURNING task_event.*
)
SELECT
  taken.*, task.account_id, task.trace_id, CASE taken.state WHEN 'SUCCEEDED' THEN task.output_file_ids ELSE '{}' END AS output_file_ids
FROM taken JOIN task ON task.id = taken.task_id
ORDER BY taken.task_id, taken.sequence
""")
"""Take unpublished events for a while; other relays pass them over. No lock is held while they are published."""

EVENTS_RELAYED = text("""
UPDATE task_event SET relay_at = NULL
FROM unnest(CAST(:task_ids AS bigint[]), CAST(:sequences AS bigint[])) AS sent (task_id, sequence)
WHERE task_event.task_id = sent.task_id AND task_event.sequence = sent.sequence
""")
"""The events are published."""
