"""The parts of a transition, and how a transition is composed.

Each transition is one statement. Its guard is the WHERE clause of the UPDATE named `moved`: under concurrency PostgreSQL checks it again on
the newest version of the row, so of two mutually exclusive transitions one moves the row and the other returns none. Everything that
belongs to the transition depends on `moved` and commits with it: the numbered event and its place in the outbox, the attempt's history,
the account's counters, its credits and its ledger entries, the batch's counters, the webhooks to be sent. Row locks are taken in the
order task, account_policy, then lane_account and batch, and several rows in the order of their accounts, so that no two statements
deadlock. A part that must wait for another joins it. `:now` is always passed in, so that a test can control time.

A statement may make the transition of many tasks, each with its own guard:
`tasks_sql` lists them with their values and locks them in the order
of their ids. In each row of `moved`, `number` then says which entry of the list it is.

A transition has the time of the one before it at the least: `:now` is read before the statement begins, perhaps by another replica, and the
events of a task are in the order of their times.
"""

from sqlalchemy import TextClause, text

from services.platform.idempotency import store_key_sql

EVENT = """
event AS (
  INSERT INTO task_event (task_id, sequence, state, attempt, progress, message, error_reason, error_message, time, unchanged)
  SELECT id, last_sequence, state, attempt, progress, progress_message, error_reason, error_message, update_time, unchanged
  FROM moved
),
outbox AS (
  INSERT INTO event_outbox (task_ids, sequences, time)
  SELECT array_agg(id), array_agg(last_sequence), max(update_time) FROM moved HAVING count(*) > 0
  RETURNING id AS outbox_id, cardinality(task_ids) AS outbox_events
)"""

ATTEMPT_BEGINS = """
attempt_begins AS (
  INSERT INTO task_attempt (task_id, attempt, run_id, worker, start_time)
  SELECT id, attempt, run_id, worker, start_time FROM moved
)"""

# A cancelled task that was not running has no open attempt. If the statement has waited for START, its snapshot does not show START's
# attempt: an UPDATE would miss that row; ON CONFLICT finds it.
ATTEMPT_ENDS = """
attempt_ends AS (
  INSERT INTO task_attempt AS known (task_id, attempt, run_id, worker, start_time, end_time, outcome, error_reason, error_message)
  SELECT
    id, attempt, run_id, '', start_time, update_time, CASE state WHEN 'QUEUED' THEN 'FAILED' ELSE state END, error_reason, error_message
  FROM moved
  WHERE attempt > 0
  ON CONFLICT (task_id, attempt) DO UPDATE SET
    end_time = excluded.end_time, outcome = excluded.outcome,
    error_reason = excluded.error_reason, error_message = excluded.error_message
  WHERE known.end_time IS NULL
)"""

RESERVED = """
reserved AS (
  INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time)
  SELECT account_id, id, 'RESERVE', reserved_millicredits, unlimited, create_time
  FROM moved
  WHERE reserved_millicredits > 0
)"""

JOINS_THE_LANE = """
joins_the_lane AS (
  INSERT INTO lane_account AS known (lane, account_id, priority_class, queued, virtual_time)
  SELECT moved.lane, moved.account_id, admitted.priority_class, count(*), 0
  FROM moved JOIN admitted ON admitted.account_id = moved.account_id
  GROUP BY moved.lane, moved.account_id, admitted.priority_class
  ORDER BY moved.account_id, moved.lane
  ON CONFLICT (lane, account_id) DO UPDATE SET queued = known.queued + excluded.queued
)"""

# One update for all tasks of an account. Tasks of several accounts may have moved, so the rows are locked in order first.
_GIVES_BACK = """
policy AS (
  SELECT account_id FROM account_policy
  WHERE account_id = ANY (ARRAY(SELECT account_id FROM moved))
  ORDER BY account_id
  FOR NO KEY UPDATE
),
account_gets_back AS (
  UPDATE account_policy SET
    running = account_policy.running - freed.running,
    open = open - freed.ended,
    pooled = account_policy.pooled - freed.pooled,
    reserved_millicredits = account_policy.reserved_millicredits - freed.reserved,
    available_millicredits = available_millicredits + freed.reserved - freed.charged
  FROM policy JOIN (
    SELECT
      moved.account_id, {running} AS running, count(moved.end_time) AS ended,
      count(moved.end_time) FILTER (WHERE moved.pooled) AS pooled,
      coalesce(sum(moved.reserved_millicredits) FILTER (WHERE moved.end_time IS NOT NULL AND NOT moved.unlimited), 0) AS reserved,
      coalesce(sum(moved.charged_millicredits) FILTER (WHERE moved.end_time IS NOT NULL AND NOT moved.unlimited), 0) AS charged
    FROM {moved} GROUP BY moved.account_id
  ) AS freed ON freed.account_id = policy.account_id
  WHERE account_policy.account_id = policy.account_id
  RETURNING account_policy.account_id
)"""
NO_LONGER_RUNNING = _GIVES_BACK.format(running="count(*)", moved="moved")
# `previous` holds the tasks as the statement found them, locked.
NO_LONGER_OPEN = _GIVES_BACK.format(
    running="count(*) FILTER (WHERE previous.state <> 'QUEUED')", moved="moved JOIN previous ON previous.id = moved.id"
)

LEAVES_THE_LANE = """
leaves_the_lane AS (
  UPDATE lane_account SET queued = queued - waited.tasks
  FROM account_gets_back JOIN (
    SELECT moved.account_id, moved.lane, count(*) AS tasks
    FROM moved JOIN previous ON previous.id = moved.id
    WHERE previous.state = 'QUEUED' AND previous.run_at IS NULL
    GROUP BY moved.account_id, moved.lane
  ) AS waited ON waited.account_id = account_gets_back.account_id
  WHERE lane_account.lane = waited.lane AND lane_account.account_id = waited.account_id
)"""

SETTLED = """
settled AS (
  INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time)
  SELECT account_id, id, kind, amount, unlimited, end_time
  FROM moved CROSS JOIN LATERAL (
    VALUES ('SETTLE', charged_millicredits), ('RELEASE', reserved_millicredits - charged_millicredits)
  ) AS entry (kind, amount)
  WHERE end_time IS NOT NULL AND amount > 0
)"""

# A lane is what `deliveries.py` sends independently of everything else: a webhook, or one of 16 lanes of the account, chosen by the host in
# a task's or batch's own URL, so that the number of lanes per account is bounded.
_DELIVERIES = """
  INSERT INTO webhook_delivery (
    id, account_id, webhook_id, task_id, batch_id, url, lane, event_type, state, attempts, tries, next_at, create_time
  )
  SELECT
    next_id(), {ended}.account_id, target.webhook_id, {task_id}, {batch_id}, target.url, target.lane, {event_type}, 'PENDING',
    0, 0, {ended}.end_time, {ended}.end_time
  FROM {ended} CROSS JOIN LATERAL (
    SELECT id, url, id FROM webhook
    WHERE account_id = {ended}.account_id AND disable_time IS NULL AND (event_types = '{{}}' OR {event_type} = ANY (event_types))
    UNION ALL
    SELECT 0, {ended}.webhook_url, -({ended}.account_id * 16 + (hashtext(substring({ended}.webhook_url FROM '^[a-z]+://[^/?]+')) & 15))
    WHERE {ended}.webhook_url IS NOT NULL
  ) AS target (webhook_id, url, lane)
  WHERE {ended}.end_time IS NOT NULL"""
_TASK_DELIVERIES = _DELIVERIES.format(
    ended="moved", task_id="moved.id", batch_id="CAST(NULL AS bigint)", event_type="'task.' || lower(moved.state)"
)
_BATCH_DELIVERIES = _DELIVERIES.format(
    ended="batch_advances", task_id="CAST(NULL AS bigint)", batch_id="batch_advances.id", event_type="'batch.completed'"
)

WEBHOOKS = f"""
webhooks AS ({_TASK_DELIVERIES}
)"""

# Every end of a task has already locked the account's row, which serialises the ends of a batch's tasks anyway: a counter here costs no
# extra wait.
BATCH_ADVANCES = f"""
batch_advances AS (
  UPDATE batch SET
    open = batch.open - ended.tasks,
    succeeded = batch.succeeded + ended.succeeded, failed = batch.failed + ended.failed, cancelled = batch.cancelled + ended.cancelled,
    end_time = CASE WHEN batch.open = ended.tasks THEN ended.time END
  FROM account_gets_back JOIN (
    SELECT
      account_id, batch_id, count(*) AS tasks, max(end_time) AS time,
      count(*) FILTER (WHERE state = 'SUCCEEDED') AS succeeded,
      count(*) FILTER (WHERE state = 'FAILED') AS failed,
      count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled
    FROM moved
    WHERE end_time IS NOT NULL AND batch_id IS NOT NULL
    GROUP BY account_id, batch_id
  ) AS ended ON ended.account_id = account_gets_back.account_id
  WHERE batch.id = ended.batch_id
  RETURNING batch.*
),
batch_webhooks AS ({_BATCH_DELIVERIES}
)"""  # noqa: S608 - put together from constants

REMEMBERED = store_key_sql("moved", "JOIN asked ON asked.id = moved.id")
"""The idempotency keys of many calls."""


RUNNING = "task.state || '' = 'RUNNING'"
"""Whether a task that is found by its id is RUNNING. In a form that the planner does not understand: it might otherwise read all of the
index of RUNNING tasks to find a few, with an entry for each task that has run since the last vacuum."""


def tasks_sql(columns: str, guard: str) -> str:
    """The tasks that `:asked`, a JSON array of objects, names by `id` and that satisfy `guard`, on a task's state, attempt and deliveries;
    each with `columns`."""
    return f"""
asked AS (
  SELECT asked.*
  FROM (
    SELECT * FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS each (number integer, id bigint, {columns}) ORDER BY id
  ) AS asked
  CROSS JOIN LATERAL (
    SELECT state, attempt, destination, deliveries FROM task WHERE task.id = asked.id FOR NO KEY UPDATE
  ) AS task
  WHERE {guard}
),"""  # noqa: S608 - put together from constants


def transition(
    moved: str, *parts: str, before: str = "", result: str = "SELECT moved.*, outbox.* FROM moved CROSS JOIN outbox"
) -> TextClause:
    """The statement of a transition: `moved` with its event, the further parts that depend on it, and `before`, what it needs first.

    A `result` of its own also has the columns of `outbox`, the statement's one row there: with them the process that made the transition
    can remove the row once it has published the events; without them a relay publishes them again.
    """
    return text(" ".join(("WITH", before, "moved AS (", moved, "),", ",".join((EVENT, *parts)), result)))


def end_anywhere(state: str, *also: str, guard: str) -> TextClause:
    """The transition from any open state to a terminal one, without involving the worker, if there is one; `also` are further parts."""
    return transition(
        f"""
  UPDATE task SET
    state = '{state}', lease_until = NULL, run_at = NULL,
    error_reason = :error_reason, error_message = :error_message,
    update_time = greatest(:now, task.update_time), end_time = greatest(:now, task.update_time), last_sequence = last_sequence + 1
  FROM previous
  WHERE task.id = previous.id AND task.state IN ('QUEUED', 'RUNNING')
  RETURNING task.*""",  # noqa: S608 - put together from constants
        ATTEMPT_ENDS,
        NO_LONGER_OPEN,
        SETTLED,
        WEBHOOKS,
        LEAVES_THE_LANE,
        BATCH_ADVANCES,
        *also,
        before=f"""
previous AS (SELECT id, state, run_at FROM task WHERE {guard} ORDER BY id FOR NO KEY UPDATE),""",  # noqa: S608 - put together from constants
    )
