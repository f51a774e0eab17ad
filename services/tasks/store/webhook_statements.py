"""The SQL of webhooks, named and explained. The rows of the outbox are inserted by the transitions of tasks, in `store/parts.py`.

Row locks are taken in the order webhook_delivery, webhook.
"""

from sqlalchemy import text

from services.common.idempotency import remembered

CREATE = text(f"""
WITH added AS (
  INSERT INTO webhook (id, account_id, url, create_time, event_types)
  SELECT next_id(), :account_id, :url, :now, :event_types
  WHERE (SELECT count(*) FROM webhook WHERE account_id = :account_id) < :max_webhooks
  RETURNING *
),
secret AS (
  INSERT INTO webhook_secret (account_id, webhook_id, secret)
  SELECT account_id, id, :secret FROM added
),{remembered("added")}
SELECT added.*, CAST(NULL AS timestamptz) AS previous_until FROM added
""")  # noqa: S608 - put together from constants
"""Add a webhook with its secret, and remember the idempotency key that it was made by, unless the account has as many as it may have: then
no row. Creates at the very same moment may exceed the limit by each other; it guards the sender, which a few more do not harm."""

LIST = text("""
SELECT webhook.*, webhook_secret.previous_until
FROM webhook JOIN webhook_secret ON webhook_secret.account_id = webhook.account_id AND webhook_secret.webhook_id = webhook.id
WHERE webhook.account_id = :account_id
ORDER BY webhook.id
""")
"""The account's webhooks; their number is limited by CREATE."""

_CHANGED = """
SELECT changed.*, webhook_secret.previous_until
FROM changed JOIN webhook_secret ON webhook_secret.account_id = changed.account_id AND webhook_secret.webhook_id = changed.id
"""

SET_EVENTS = text(f"""
WITH changed AS (
  UPDATE webhook SET event_types = :event_types WHERE id = :id AND account_id = :account_id RETURNING *
){_CHANGED}""")  # noqa: S608 - put together from constants
"""What a webhook hears of from now on."""

ENABLE = text(f"""
WITH changed AS (
  UPDATE webhook SET disable_time = NULL WHERE id = :id AND account_id = :account_id RETURNING *
){_CHANGED}""")  # noqa: S608 - put together from constants
"""Have events queued for a webhook again."""

DELETE = text("""
WITH gone AS (
  DELETE FROM webhook WHERE id = :id AND account_id = :account_id RETURNING id, account_id
),
secret AS (
  DELETE FROM webhook_secret USING gone WHERE webhook_secret.account_id = gone.account_id AND webhook_secret.webhook_id = gone.id
)
SELECT id FROM gone
""")
"""Remove a webhook and its secret. The sender ends what is still to be sent when it comes upon it: those rows may not be locked here, after
the webhook."""

ROTATE = text(f"""
WITH rotated AS (
  UPDATE webhook_secret SET secret = :secret, previous_secret = secret, previous_until = :previous_until
  WHERE account_id = :account_id AND webhook_id = :webhook_id
  RETURNING account_id, webhook_id AS id, secret, previous_until
),{remembered("rotated")}
SELECT secret, previous_until FROM rotated
""")  # noqa: S608 - put together from constants
"""Make `:secret` the current one, keep the one before until `:previous_until`, and remember the idempotency key. Two at once wait for each
other."""

DEFAULT_SECRET = text(f"""
WITH kept AS (
  INSERT INTO webhook_secret AS stored (account_id, webhook_id, secret) VALUES (:account_id, 0, :secret)
  ON CONFLICT (account_id, webhook_id) DO UPDATE SET secret = stored.secret
  RETURNING account_id, webhook_id AS id, secret
),{remembered("kept")}
SELECT secret FROM kept
""")  # noqa: S608 - put together from constants
"""The account's default secret; `:secret` becomes it if there is none. The empty update makes an existing row be returned. Remembers the
idempotency key of a rotation that found none."""

SECRET = text("SELECT secret, previous_until FROM webhook_secret WHERE account_id = :account_id AND webhook_id = :webhook_id")
"""The secret of a webhook, or the default one, as it is."""

CLAIM = text("""
WITH RECURSIVE lane (id) AS (
  (SELECT lane FROM webhook_delivery WHERE next_at IS NOT NULL ORDER BY lane LIMIT 1)
  UNION ALL
  SELECT (SELECT lane FROM webhook_delivery WHERE next_at IS NOT NULL AND lane > before.id ORDER BY lane LIMIT 1)
  FROM lane AS before WHERE before.id IS NOT NULL
),
busy (lane, count) AS (
  SELECT * FROM unnest(CAST(:busy_lanes AS bigint[]), CAST(:busy_counts AS bigint[]))
),
due AS (
  SELECT head.id
  FROM lane LEFT JOIN busy ON busy.lane = lane.id
  CROSS JOIN LATERAL (
    SELECT id, next_at FROM webhook_delivery
    WHERE webhook_delivery.lane = lane.id AND next_at <= :now
    ORDER BY next_at
    LIMIT greatest(0, CAST(:lane_limit AS bigint) - coalesce(busy.count, 0))
    FOR NO KEY UPDATE SKIP LOCKED
  ) AS head
  ORDER BY head.next_at
  LIMIT :limit
),
taken AS (
  UPDATE webhook_delivery SET attempts = attempts + 1, tries = tries + 1, attempt_time = :now, next_at = :retry_at
  FROM due
  WHERE webhook_delivery.id = due.id
  RETURNING webhook_delivery.*
)
SELECT
  taken.*, webhook_secret.secret, webhook_secret.previous_secret, webhook_secret.previous_until,
  taken.webhook_id <> 0 AND webhook.id IS NULL AS webhook_deleted, webhook.disable_time IS NOT NULL AS webhook_disabled
FROM taken
LEFT JOIN webhook_secret ON webhook_secret.account_id = taken.account_id AND webhook_secret.webhook_id = taken.webhook_id
LEFT JOIN webhook ON webhook.id = taken.webhook_id
""")
"""Take what is due, the head of each lane first, so that no backlog of one receiver stands before another's; as much of a lane as
`:lane_limit` leaves beside what this sender has in hand. Other senders pass it over until `:retry_at`; no lock is held while it is sent.

`lane` is the loose index scan of https://wiki.postgresql.org/wiki/Loose_indexscan: one probe a lane that has something pending, however
long the backlogs are."""

RECORD = text("""
WITH recorded AS (
  UPDATE webhook_delivery SET
    state = :state, next_at = :next_at, end_time = CASE WHEN :state = 'PENDING' THEN NULL ELSE CAST(:now AS timestamptz) END,
    response_status = :response_status, response_body = :response_body, error = :error
  WHERE id = :id AND state = 'PENDING' AND attempts = :attempts
  RETURNING webhook_id
),
disabled AS (
  UPDATE webhook SET disable_time = :now FROM recorded
  WHERE webhook.id = recorded.webhook_id AND webhook.disable_time IS NULL AND :gone
)
SELECT 1 FROM recorded
""")
"""What became of an attempt, if it is the current one. With `:gone` its webhook is disabled."""

DELIVERIES = text("""
SELECT * FROM webhook_delivery
WHERE account_id = :account_id AND id < :before_id
  AND (CAST(:webhook_id AS bigint) = 0 OR webhook_id = :webhook_id)
  AND (CAST(:task_id AS bigint) = 0 OR task_id = :task_id)
  AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
ORDER BY id DESC
LIMIT :limit
""")
"""A page of the account's log, newest first."""

REPLAY = text(f"""
WITH replayed AS (
  UPDATE webhook_delivery SET state = 'PENDING', tries = 0, next_at = :now, end_time = NULL
  WHERE id = :id AND account_id = :account_id
    AND (webhook_id = 0 OR EXISTS (SELECT FROM webhook WHERE webhook.id = webhook_delivery.webhook_id AND disable_time IS NULL))
  RETURNING *
),{remembered("replayed")}
SELECT * FROM replayed
""")  # noqa: S608 - put together from constants
"""Send a delivery again, unless its webhook is deleted or disabled, and remember the idempotency key."""

DELIVERY = text("SELECT * FROM webhook_delivery WHERE id = :id AND account_id = :account_id")
"""One row of the account's log."""

TEST = text(f"""
WITH queued AS (
  INSERT INTO webhook_delivery (id, account_id, webhook_id, url, lane, event_type, state, attempts, tries, next_at, create_time)
  SELECT next_id(), account_id, id, url, id, 'webhook.test', 'PENDING', 0, 0, :now, :now
  FROM webhook WHERE id = :id AND account_id = :account_id AND disable_time IS NULL
  RETURNING *
),{remembered("queued")}
SELECT * FROM queued
""")  # noqa: S608 - put together from constants
"""Queue a test event, unless the webhook does not exist or is disabled, and remember the idempotency key."""

CREATED = text("""
SELECT webhook.*, webhook_secret.previous_until, webhook_secret.secret
FROM webhook JOIN webhook_secret ON webhook_secret.account_id = webhook.account_id AND webhook_secret.webhook_id = webhook.id
WHERE webhook.id = :id AND webhook.account_id = :account_id
""")
"""A webhook with its current secret."""

GET = text("SELECT disable_time FROM webhook WHERE id = :id AND account_id = :account_id")
"""Whether the account has the webhook, and whether it is disabled."""
