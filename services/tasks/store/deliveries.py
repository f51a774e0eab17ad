"""Webhook deliveries in the tasks database: what senders take, the log, replays and tests.

The rows are inserted by the transitions of tasks, in `parts.py`. Row locks are taken in the order webhook_delivery, webhook. Every method
raises UNAVAILABLE while PostgreSQL is unavailable. One that takes a `call` stores its idempotency key together with its effect, and raises
IDEMPOTENCY_IN_PROGRESS if the key is already stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database
from services.platform.idempotency import store_key_sql
from services.platform.idempotent_call import IdempotentCall
from services.platform.log import get_logger
from services.tasks.model import WebhookDelivery
from services.tasks.model.records import ClaimedDelivery, Outcome
from services.tasks.model.state import DeliveryState
from services.tasks.store.base import Store
from services.tasks.store.rows import Row, delivery_of, first
from services.tasks.store.secret_cipher import SecretCipher, SecretUnreadable

_logger = get_logger()

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
  taken.webhook_id <> 0 AND webhook.id IS NULL AS webhook_deleted, webhook.disable_time IS NOT NULL AS webhook_disabled,
  webhook.format
FROM taken
LEFT JOIN webhook_secret ON webhook_secret.account_id = taken.account_id AND webhook_secret.webhook_id = taken.webhook_id
LEFT JOIN webhook ON webhook.id = taken.webhook_id
""")
"""Take due deliveries, the earliest due first: in each lane only as many as `:lane_limit` leaves besides those this sender already has in
hand, so that one receiver's backlog does not block others. Other senders skip them until `:retry_at`; no lock is held during sending.

`lane` is the loose index scan of https://wiki.postgresql.org/wiki/Loose_indexscan: one probe per lane with pending deliveries, however long
the backlogs are."""

_OF_DISABLED = """jsonb_build_object(
    'host', substring(url FROM '^[a-z]+://[^/?#]+'), 'why', 'gone', 'before', '{"enabled": true}', 'after', '{"enabled": false}'
  )"""

RECORD = text(f"""
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
  RETURNING webhook.*
),{audit_sql("disabled", audit_pb2.AUDIT_ACTION_WEBHOOK_DISABLED, details=_OF_DISABLED)}
SELECT 1 FROM recorded
""")  # noqa: S608 - put together from constants
"""Record the outcome of an attempt, if it is the current one. With `:gone` its webhook is disabled, which is entered into the audit log."""

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
),{store_key_sql("replayed")}
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
),{store_key_sql("queued")}
SELECT * FROM queued
""")  # noqa: S608 - put together from constants
"""Queue a test event, unless the webhook does not exist or is disabled, and remember the idempotency key."""


class DeliveryStore(Store):
    """Deliveries for senders to take and record, and for owners to read and repeat. `cipher` decrypts the secrets that sign them."""

    def __init__(self, database: Database, cipher: SecretCipher) -> None:
        super().__init__(database)
        self._cipher = cipher

    async def claim(
        self, *, limit: int, lane_limit: int, busy: Mapping[int, int], retry_at: datetime, now: datetime
    ) -> Sequence[ClaimedDelivery]:
        """Take up to `limit` due deliveries, from each lane up to `lane_limit` less its count in `busy`; other calls skip them until
        `retry_at`."""
        values = {
            "limit": limit,
            "lane_limit": lane_limit,
            "busy_lanes": list(busy),
            "busy_counts": list(busy.values()),
            "retry_at": retry_at,
            "now": now,
        }
        claimed = []
        for row in await self._run(CLAIM, values):
            try:
                claimed.append(self._claimed(row, now))
            except SecretUnreadable as error:
                # It stays due: after its lease it is taken again, perhaps by a replica that has the key.
                _logger.error("webhook_secret_unreadable", delivery_id=row["id"], error=str(error))
        return claimed

    def _claimed(self, row: Row, now: datetime) -> ClaimedDelivery:
        previous_signs = row["previous_until"] is not None and row["previous_until"] > now
        stored = filter(None, (row["secret"], row["previous_secret"] if previous_signs else None))
        secrets = tuple(self._cipher.open(row["account_id"], row["webhook_id"], secret) for secret in stored)
        return ClaimedDelivery(delivery_of(row), secrets, row["webhook_deleted"], row["webhook_disabled"], row["format"])

    async def record(self, delivery: WebhookDelivery, outcome: Outcome, *, retry_at: datetime | None, now: datetime) -> bool:
        """Store the outcome of the delivery's current attempt; False if the attempt is no longer current. With `retry_at` it stays
        PENDING."""
        state = DeliveryState.PENDING if retry_at is not None else DeliveryState.DELIVERED if outcome.delivered else DeliveryState.FAILED
        values = {
            "id": delivery.id,
            "attempts": delivery.attempts,
            "state": state.value,
            "next_at": retry_at,
            "response_status": outcome.status,
            "response_body": outcome.body,
            "error": outcome.error,
            "gone": outcome.is_gone,
            "now": now,
            **actor_values(),
        }
        return bool(await self._run(RECORD, values))

    async def deliveries(
        self, account_id: int, *, webhook_id: int, task_id: int, states: Collection[DeliveryState], before_id: int, limit: int
    ) -> Sequence[WebhookDelivery]:
        """The account's newest deliveries below `before_id`; 0 and no states mean any."""
        values = {
            "account_id": account_id,
            "webhook_id": webhook_id,
            "task_id": task_id,
            "states": [state.value for state in states] or None,
            "before_id": before_id,
            "limit": limit,
        }
        return [delivery_of(row) for row in await self._run(DELIVERIES, values)]

    async def delivery(self, account_id: int, delivery_id: int) -> WebhookDelivery | None:
        return first(delivery_of, await self._run(DELIVERY, {"id": delivery_id, "account_id": account_id}))

    async def replay(self, account_id: int, delivery_id: int, *, call: IdempotentCall | None, now: datetime) -> WebhookDelivery | None:
        """Make a delivery due; None if there is none, or its webhook is deleted or disabled."""
        values = {"id": delivery_id, "account_id": account_id, "now": now}
        return first(delivery_of, await self._run_keyed(REPLAY, values, call, now))

    async def test(self, account_id: int, webhook_id: int, *, call: IdempotentCall | None, now: datetime) -> WebhookDelivery | None:
        """Queue a test event; None if there is no such webhook, or it is disabled."""
        values = {"id": webhook_id, "account_id": account_id, "now": now}
        return first(delivery_of, await self._run_keyed(TEST, values, call, now))
