"""Webhooks and their secrets in the tasks database. Every method raises UNAVAILABLE while PostgreSQL is unavailable.

A method that takes a `call` stores its idempotency key together with its effect, and raises IDEMPOTENCY_IN_PROGRESS if the key is already
stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.changes import Values, details, enter
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Rows, Transaction
from services.platform.idempotency import key_values, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model.records import WebhookView
from services.tasks.store.deliveries import DeliveryStore
from services.tasks.store.rows import Row

LOCK = text("""
INSERT INTO account_policy AS known (account_id, open) VALUES (:account_id, 0)
ON CONFLICT (account_id) DO UPDATE SET open = known.open
RETURNING max_webhooks, next_id() AS webhook_id
""")
"""Make concurrent creates of an account wait for each other, so that each counts what the one before it has added. With the id of the new
webhook, to which its secret is bound."""

CREATE = text(f"""
WITH added AS (
  INSERT INTO webhook (id, account_id, url, create_time, event_types, format)
  SELECT :webhook_id, :account_id, :url, :now, :event_types, :format
  WHERE (SELECT count(*) FROM webhook WHERE account_id = :account_id) <
    (SELECT coalesce(max_webhooks, :max_webhooks) FROM account_policy WHERE account_id = :account_id)
  RETURNING *
),
secret AS (
  INSERT INTO webhook_secret (account_id, webhook_id, secret)
  SELECT account_id, id, :secret FROM added
),{store_key_sql("added")}
SELECT added.*, CAST(NULL AS timestamptz) AS previous_until FROM added
""")  # noqa: S608 - put together from constants
"""Add a webhook with its secret, and remember the call's idempotency key; no row if the account has reached its limit. Runs after LOCK, in
the same transaction."""

_LISTED = """
SELECT webhook.*, secret.secret, secret.previous_until
FROM webhook JOIN webhook_secret AS secret ON secret.account_id = webhook.account_id AND secret.webhook_id = webhook.id
"""

LIST = text(f"{_LISTED} WHERE webhook.account_id = :account_id ORDER BY webhook.id")
"""The account's webhooks; their number is limited by CREATE."""

_CHANGED = """
SELECT changed.*, webhook_secret.previous_until
FROM changed JOIN webhook_secret ON webhook_secret.account_id = changed.account_id AND webhook_secret.webhook_id = changed.id
"""

LOCKED = text("SELECT * FROM webhook WHERE id = :id AND account_id = :account_id FOR NO KEY UPDATE")

SET_EVENTS = text(f"""
WITH changed AS (
  UPDATE webhook SET event_types = :event_types WHERE id = :id AND account_id = :account_id RETURNING *
){_CHANGED}""")  # noqa: S608 - put together from constants
"""Which events a webhook is sent from now on."""

ENABLE = text(f"""
WITH changed AS (
  UPDATE webhook SET disable_time = NULL WHERE id = :id AND account_id = :account_id RETURNING *
){_CHANGED}""")  # noqa: S608 - put together from constants
"""Have events queued for a webhook again."""

DISABLE = text(f"""
WITH changed AS (
  UPDATE webhook SET disable_time = coalesce(disable_time, :now) WHERE id = :id AND account_id = :account_id RETURNING *
){_CHANGED}""")  # noqa: S608 - put together from constants
"""Have no events queued for a webhook, and none sent."""

DELETE = text("""
WITH gone AS (
  DELETE FROM webhook WHERE id = :id AND account_id = :account_id RETURNING *
),
secret AS (
  DELETE FROM webhook_secret USING gone WHERE webhook_secret.account_id = gone.account_id AND webhook_secret.webhook_id = gone.id
)
SELECT * FROM gone
""")
"""Remove a webhook and its secret. The sender ends pending deliveries when it comes to them: those rows must not be locked here, after the
webhook."""

ROTATE = text(f"""
WITH rotated AS (
  UPDATE webhook_secret SET secret = :secret, previous_secret = secret, previous_until = :previous_until
  WHERE account_id = :account_id AND webhook_id = :webhook_id
  RETURNING account_id, webhook_id AS id, secret, previous_until
),{store_key_sql("rotated")},{audit_sql("rotated", audit_pb2.AUDIT_ACTION_WEBHOOK_SECRET_ROTATED)}
SELECT secret, previous_until FROM rotated
""")  # noqa: S608 - put together from constants
"""Make `:secret` the current one, keep the previous one until `:previous_until`, and remember the idempotency key. Concurrent rotations are
serialised."""

DEFAULT_SECRET = text(f"""
WITH kept AS (
  INSERT INTO webhook_secret AS stored (account_id, webhook_id, secret) VALUES (:account_id, 0, :secret)
  ON CONFLICT (account_id, webhook_id) DO UPDATE SET secret = stored.secret
  RETURNING account_id, webhook_id AS id, secret, xmax = 0 AS new
),
made AS (SELECT * FROM kept WHERE new),{store_key_sql("kept")},{audit_sql("made", audit_pb2.AUDIT_ACTION_WEBHOOK_SECRET_CREATED)}
SELECT secret FROM kept
""")  # noqa: S608 - put together from constants
"""The account's default secret; `:secret` becomes it if there is none. The empty update makes the statement return an existing row.
Only a row that is inserted has no `xmax`.
Remembers the idempotency key of a rotation that found no secret."""

CREATED = text(f"{_LISTED} WHERE webhook.id = :id AND webhook.account_id = :account_id")
"""A webhook with its current secret."""

IS_DISABLED = text("SELECT disable_time IS NOT NULL AS disabled FROM webhook WHERE id = :id AND account_id = :account_id")
SECRET = text("SELECT secret, previous_until FROM webhook_secret WHERE account_id = :account_id AND webhook_id = :webhook_id")

_HOST = re.compile("^[a-z]+://[^/?#]+")
_DEFAULT = 0
"""Stands in place of a webhook's id for the account's default secret."""


class WebhookStore(DeliveryStore):
    """Reads and guarded changes. Secrets are encrypted on their way in and decrypted on their way out."""

    async def create(
        self,
        account_id: int,
        url: str,
        secret: str,
        *,
        event_types: Sequence[str],
        format_name: str | None = None,
        max_webhooks: int,
        call: IdempotentCall | None,
        now: datetime,
    ) -> WebhookView | int:
        """Add a webhook. An account that has as many as it may, `max_webhooks` or the operator's limit for it, gets none: the limit."""
        values = {
            "account_id": account_id,
            "url": url,
            "event_types": list(event_types),
            "format": format_name,
            "max_webhooks": max_webhooks,
            "now": now,
        }
        with storing_key():
            async with self._database.transaction() as transaction:
                [locked] = await transaction.fetch(LOCK, {"account_id": account_id})
                webhook_id = locked["webhook_id"]
                own_values = {"webhook_id": webhook_id, "secret": self._cipher.seal(account_id, webhook_id, secret)}
                rows = await transaction.fetch(CREATE, {**values, **own_values, **key_values(call, now)})
                if rows:
                    await _enter(transaction, audit_pb2.AUDIT_ACTION_WEBHOOK_CREATED, None, rows[0])
        own: int | None = locked["max_webhooks"]
        return _changed(rows) or (max_webhooks if own is None else own)

    async def by_id(self, account_id: int, webhook_id: int) -> tuple[WebhookView, str] | None:
        """A webhook as returned by its creation, with its current secret; None if it no longer exists."""
        rows = await self._run(CREATED, {"account_id": account_id, "id": webhook_id})
        return (_registered(rows[0]), self._cipher.open(account_id, webhook_id, rows[0]["secret"])) if rows else None

    async def list(self, account_id: int) -> Sequence[WebhookView]:
        """The account's webhooks, oldest first."""
        return [_registered(row) for row in await self._run(LIST, {"account_id": account_id})]

    async def set_events(self, account_id: int, webhook_id: int, event_types: Sequence[str]) -> WebhookView | None:
        """Set which events a webhook is sent; None if there is no such webhook."""
        values = {"account_id": account_id, "id": webhook_id, "event_types": list(event_types)}
        return await self._change(SET_EVENTS, audit_pb2.AUDIT_ACTION_WEBHOOK_CHANGED, values)

    async def enable(self, account_id: int, webhook_id: int) -> WebhookView | None:
        """Undo the effect of 410 Gone or `disable`; None if there is no such webhook."""
        return await self._change(ENABLE, audit_pb2.AUDIT_ACTION_WEBHOOK_ENABLED, {"account_id": account_id, "id": webhook_id})

    async def disable(self, account_id: int, webhook_id: int, *, now: datetime) -> WebhookView | None:
        """Switch a webhook off; None if there is no such webhook."""
        values = {"account_id": account_id, "id": webhook_id, "now": now}
        return await self._change(DISABLE, audit_pb2.AUDIT_ACTION_WEBHOOK_DISABLED, values)

    async def delete(self, account_id: int, webhook_id: int) -> bool:
        """Remove a webhook; False if there is none."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(DELETE, {"account_id": account_id, "id": webhook_id})
            if rows:
                await _enter(transaction, audit_pb2.AUDIT_ACTION_WEBHOOK_DELETED, rows[0], None)
        return bool(rows)

    async def _change(
        self, statement: TextClause, action: audit_pb2.AuditAction.ValueType, values: Mapping[str, Any]
    ) -> WebhookView | None:
        async with self._database.transaction() as transaction:
            before = await transaction.fetch(LOCKED, values)
            if not before:
                return None
            rows = await transaction.fetch(statement, values)
            await _enter(transaction, action, before[0], rows[0])
        return _changed(rows)

    async def is_disabled(self, account_id: int, webhook_id: int) -> bool | None:
        """Whether a webhook is disabled; None if there is none."""
        rows = await self._run(IS_DISABLED, {"account_id": account_id, "id": webhook_id})
        return rows[0]["disabled"] if rows else None

    async def rotate(
        self, account_id: int, webhook_id: int, secret: str, *, previous_until: datetime, call: IdempotentCall | None, now: datetime
    ) -> bool:
        """Replace the secret of a webhook (0: the default secret); False if there is none."""
        sealed = self._cipher.seal(account_id, webhook_id, secret)
        values = {"account_id": account_id, "webhook_id": webhook_id, "secret": sealed, "previous_until": previous_until, **actor_values()}
        return bool(await self._run_keyed(ROTATE, values, call, now))

    async def secret(self, account_id: int, webhook_id: int) -> tuple[str, datetime | None] | None:
        """The secret of a webhook (0: the default secret), and until when the previous one also signs; None if there is none."""
        rows = await self._run(SECRET, {"account_id": account_id, "webhook_id": webhook_id})
        return (self._cipher.open(account_id, webhook_id, rows[0]["secret"]), rows[0]["previous_until"]) if rows else None

    async def default_secret(self, account_id: int, secret: str, *, call: IdempotentCall | None, now: datetime) -> str:
        """The account's default secret; if it had none, `secret` becomes it."""
        values = {"account_id": account_id, "secret": self._cipher.seal(account_id, _DEFAULT, secret), **actor_values()}
        rows = await self._run_keyed(DEFAULT_SECRET, values, call, now)
        return self._cipher.open(account_id, _DEFAULT, rows[0]["secret"])


async def _enter(transaction: Transaction, action: audit_pb2.AuditAction.ValueType, before: Row | None, after: Row | None) -> None:
    webhook = after or before
    assert webhook is not None
    told = details(_audited(before), _audited(after), host=_HOST.findall(webhook["url"])[0], events=_events(webhook))
    await enter(transaction, action, webhook["account_id"], webhook["id"], told=told)


def _audited(webhook: Row | None) -> Values | None:
    return webhook and {"events": _events(webhook), "enabled": webhook["disable_time"] is None, "format": webhook["format"]}


def _events(webhook: Row) -> str | None:
    return " ".join(webhook["event_types"]) or None


def _registered(webhook: Row) -> WebhookView:
    return WebhookView(
        webhook["id"],
        webhook["url"],
        webhook["create_time"],
        webhook["disable_time"],
        webhook["previous_until"],
        tuple(webhook["event_types"]),
        webhook["format"],
    )


def _changed(rows: Rows) -> WebhookView | None:
    return _registered(rows[0]) if rows else None
