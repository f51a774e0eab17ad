"""The transitions of a task, each a guarded statement; `parts.py` explains their form. Those of the order between accounts are in
`order/statements.py`.
"""

from sqlalchemy import TextClause, text

from services.tasks.store.parts import (
    ATTEMPT_BEGINS,
    ATTEMPT_ENDS,
    BATCH_ADVANCES,
    JOINS_THE_LANE,
    LEAVES_THE_LANE,
    NO_LONGER_OPEN,
    NO_LONGER_RUNNING,
    REMEMBERED,
    RESERVED,
    SETTLED,
    WEBHOOKS,
    asked,
    transition,
)


def _end_anywhere(state: str, guard: str) -> TextClause:
    """The transition to a terminal state from any that is not, without the worker, if there is one."""
    return transition(
        f"""
  UPDATE task SET
    state = '{state}', lease_until = NULL, dispatch_time = NULL, run_at = NULL,
    error_reason = :error_reason, error_message = :error_message,
    update_time = :now, end_time = :now, last_sequence = last_sequence + 1
  FROM previous
  WHERE task.id = previous.id AND task.state IN ('QUEUED', 'DISPATCHED', 'RUNNING')
  RETURNING task.*""",  # noqa: S608 - put together from constants
        ATTEMPT_ENDS,
        NO_LONGER_OPEN,
        SETTLED,
        WEBHOOKS,
        LEAVES_THE_LANE,
        BATCH_ADVANCES,
        before=f"""
previous AS (SELECT id, state, run_at FROM task WHERE {guard} ORDER BY id FOR NO KEY UPDATE),""",  # noqa: S608 - put together from constants
    )


# Of an account that has the policy row `policy`, or none. The caller's values hold where the row says nothing.
_MULTIPLIER = "coalesce(policy.multiplier_permille, CAST(:multiplier_permille AS integer))"
_UNLIMITED = "coalesce(policy.unlimited, CAST(:unlimited AS boolean))"
_MAX_OPEN = "coalesce(policy.max_open, CAST(:max_open AS integer))"
_PRICE = f"(list_price_millicredits * {_MULTIPLIER} / 1000)"
_HELD = f"""
      CASE WHEN {_UNLIMITED} THEN 0 ELSE (
        SELECT coalesce(sum({_PRICE}), 0) FROM asked WHERE asked.account_id = policy.account_id
      ) END"""  # noqa: S608 - put together from constants

CREATE = transition(
    """
  INSERT INTO task (
    id, account_id, state, lane, priority, trace_id, operations, input_file_ids, output_file_ids, notices, expected_outputs,
    price_millicredits, multiplier_permille, reserved_millicredits, charged_millicredits, unlimited,
    attempt, max_attempts, run_at, progress, progress_message, last_sequence, create_time, update_time, deadline, webhook_url
  )
  SELECT
    asked.id, asked.account_id, 'QUEUED', lane, priority, trace_id, operations, input_file_ids, '{}', '{}', expected_outputs,
    asked.list_price_millicredits * multiplier_permille / 1000, multiplier_permille,
    asked.list_price_millicredits * multiplier_permille / 1000, 0, unlimited,
    0, max_attempts, NULL, 0, '', 1, now, now, deadline, webhook_url
  FROM asked JOIN admitted ON admitted.account_id = asked.account_id
  RETURNING *""",
    RESERVED,
    JOINS_THE_LANE,
    REMEMBERED,
    before=f"""
asked AS MATERIALIZED (
  SELECT coalesce(given_id, next_id()) AS id, asked.* FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS asked (
    number integer, given_id bigint, account_id bigint, lane text, priority integer, trace_id text, operations bytea[],
    input_file_ids bigint[], list_price_millicredits bigint, expected_outputs integer, max_attempts integer, deadline timestamptz,
    webhook_url text, now timestamptz, idempotency_method text, idempotency_key text, idempotency_digest bytea,
    idempotency_expire_time timestamptz
  )
),
admitted AS (
  INSERT INTO account_policy AS policy (account_id, open)
  SELECT account_id, count(*) FROM asked
  GROUP BY account_id
  HAVING
    count(*) <= CAST(:max_open AS integer)
      AND (CAST(:unlimited AS boolean) OR max(list_price_millicredits) * CAST(:multiplier_permille AS integer) < 1000)
    OR EXISTS (SELECT FROM account_policy WHERE account_policy.account_id = asked.account_id)
  ORDER BY account_id
  ON CONFLICT (account_id) DO UPDATE SET
    open = policy.open + excluded.open,
    available_millicredits = policy.available_millicredits - {_HELD},
    reserved_millicredits = policy.reserved_millicredits + {_HELD}
  WHERE policy.open + excluded.open <= {_MAX_OPEN} AND policy.available_millicredits >= {_HELD}
  RETURNING account_id, priority_class, {_MULTIPLIER} AS multiplier_permille, {_UNLIMITED} AS unlimited
),""",  # noqa: S608 - put together from constants
    result="SELECT moved.*, asked.number FROM moved JOIN asked ON asked.id = moved.id",
)
"""Accept tasks and hold their prices: of an account all that are asked for at once, unless that would be more open ones than it may have or
its balance does not cover them; then none of its. Two creates cannot both take the last place or the same credits, since each waits for the
other's account_policy row. An account without that row has no balance; the first task that needs none brings the row."""

ADMISSION = text(f"""
SELECT
  coalesce(policy.open, 0) AS open, {_MAX_OPEN} AS max_open,
  CAST(:list_price_millicredits AS bigint) * {_MULTIPLIER} / 1000 AS price_millicredits,
  coalesce(policy.available_millicredits, 0) AS available_millicredits, {_UNLIMITED} AS unlimited
FROM (VALUES (CAST(:account_id AS bigint))) AS asked (account_id) LEFT JOIN account_policy AS policy USING (account_id)
""")  # noqa: S608 - put together from constants
"""What CREATE decides by, to say why it has refused."""

START = transition(
    """
  UPDATE task SET
    state = 'RUNNING', attempt = attempt + 1, run_id = asked.run_id, lease_until = asked.lease_until, dispatch_time = NULL,
    progress = 0, progress_message = '', start_time = asked.now, update_time = asked.now, last_sequence = last_sequence + 1
  FROM asked
  WHERE task.id = asked.id AND task.state = 'DISPATCHED'
  RETURNING task.*, asked.number, asked.worker""",
    ATTEMPT_BEGINS,
    before=asked("run_id uuid, worker text, lease_until timestamptz, now timestamptz", guard="task.state = 'DISPATCHED'"),
)
"""Admit one run to each of the tasks."""

PROGRESS = transition("""
  UPDATE task SET
    lease_until = least(:lease_until, start_time + :timeout), progress = :progress, progress_message = :message,
    update_time = :now, last_sequence = last_sequence + 1
  WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
    AND (abs(progress - :progress) >= :step OR progress_message <> :message)
  RETURNING *""")
"""Renew the lease, up to `:timeout` after the attempt's start, and announce the progress, if it is news. No change of state."""

COMPLETE = transition(
    """
  UPDATE task SET
    state = 'SUCCEEDED', output_file_ids = asked.output_file_ids, notices = asked.notices, lease_until = NULL,
    charged_millicredits = CASE
      WHEN cardinality(asked.output_file_ids) - asked.copies < expected_outputs
      THEN reserved_millicredits * (cardinality(asked.output_file_ids) - asked.copies) / expected_outputs
      ELSE reserved_millicredits
    END,
    progress = 1, progress_message = '', error_reason = NULL, error_message = NULL,
    update_time = asked.now, end_time = asked.now, last_sequence = last_sequence + 1
  FROM asked
  WHERE task.id = asked.id AND task.state = 'RUNNING' AND task.attempt = asked.attempt
  RETURNING task.*, asked.number""",
    ATTEMPT_ENDS,
    NO_LONGER_RUNNING,
    SETTLED,
    WEBHOOKS,
    BATCH_ADVANCES,
    before=asked(
        "attempt integer, output_file_ids bigint[], copies integer, notices bytea[], now timestamptz",
        guard="task.state = 'RUNNING' AND task.attempt = asked.attempt",
    ),
)
"""End each task with its current attempt's outputs, and charge for those of the expected ones that there are, rounded down."""

FAIL = transition(
    """
  UPDATE task SET
    state = CASE WHEN attempt - handed_back < least(max_attempts, :attempts_allowed) THEN 'QUEUED' ELSE 'FAILED' END,
    end_time = CASE WHEN attempt - handed_back < least(max_attempts, :attempts_allowed) THEN NULL ELSE CAST(:now AS timestamptz) END,
    run_at = :run_at, lease_until = NULL, progress = 0, progress_message = '',
    error_reason = :error_reason, error_message = :error_message, update_time = :now, last_sequence = last_sequence + 1
  WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
    AND (CAST(:lease_ended_by AS timestamptz) IS NULL OR lease_until <= :lease_ended_by)
  RETURNING *""",
    ATTEMPT_ENDS,
    NO_LONGER_RUNNING,
    SETTLED,
    WEBHOOKS,
    BATCH_ADVANCES,
)
"""End the current attempt as failed: back to the queue until `:run_at` if it may be tried again, else for good. The reaper passes
`:lease_ended_by`, so that a heartbeat which came in between saves the attempt."""

HAND_BACK = transition(
    """
  UPDATE task SET
    state = 'QUEUED', handed_back = handed_back + 1, run_at = :now, lease_until = NULL, progress = 0, progress_message = '',
    error_reason = :error_reason, error_message = :error_message, update_time = :now, last_sequence = last_sequence + 1
  WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
  RETURNING *""",
    ATTEMPT_ENDS,
    NO_LONGER_RUNNING,
)
"""End the current attempt without fault of the task: back to the queue, due at once, with as many attempts left as before."""

CANCEL = _end_anywhere("CANCELLED", guard="id = :id AND account_id = :account_id")
"""End a task of the account that has not ended."""

CANCEL_BATCH = _end_anywhere("CANCELLED", guard="batch_id = :batch_id AND account_id = :account_id AND end_time IS NULL")
"""End every task of a batch of the account that has not ended."""

EXPIRE = _end_anywhere("FAILED", guard="id = :id AND deadline <= :now")
"""End a task that has not ended by its deadline, wherever it is."""
