"""Webhooks in the tasks database: one method a statement. Every method raises UNAVAILABLE while PostgreSQL is away.

A method that takes a `call` stores its idempotency key with what it does, and raises IDEMPOTENCY_IN_PROGRESS when that is stored already.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import reaching_database
from services.common.idempotency import IdempotentCall, key_values, storing_key
from services.tasks.domain.state import DeliveryState
from services.tasks.domain.webhooks.records import Claimed, Outcome, Registered
from services.tasks.store import webhook_statements as statements
from services.tasks.store.models import WebhookDelivery

_BESIDE_THE_ROW = ("secret", "previous_secret", "previous_until", "webhook_deleted", "webhook_disabled")


class WebhookStore:
    """Reads and guarded changes."""

    def __init__(self, engine: AsyncEngine) -> None:
        # Each statement is atomic by itself; without BEGIN and COMMIT it takes one round trip instead of three.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def create(
        self,
        account_id: int,
        url: str,
        secret: str,
        *,
        event_types: Sequence[str],
        max_webhooks: int,
        call: IdempotentCall | None,
        now: datetime,
    ) -> Registered | None:
        """Add a webhook; None when the account has `max_webhooks`."""
        values = {
            "account_id": account_id,
            "url": url,
            "secret": secret,
            "event_types": list(event_types),
            "max_webhooks": max_webhooks,
            "now": now,
        }
        return _changed(await self._run_keyed(statements.CREATE, values, call, now))

    async def created(self, account_id: int, webhook_id: int) -> tuple[Registered, str] | None:
        """A webhook as its creation told of it, with its current secret; None if there is none any more."""
        rows = await self._run(statements.CREATED, {"account_id": account_id, "id": webhook_id})
        return (_registered(rows[0]), str(rows[0].secret)) if rows else None

    async def list(self, account_id: int) -> Sequence[Registered]:
        """The account's webhooks, oldest first."""
        return [_registered(row) for row in await self._run(statements.LIST, {"account_id": account_id})]

    async def set_events(self, account_id: int, webhook_id: int, event_types: Sequence[str]) -> Registered | None:
        """Set what a webhook hears of; None if there is none."""
        values = {"account_id": account_id, "id": webhook_id, "event_types": list(event_types)}
        return _changed(await self._run(statements.SET_EVENTS, values))

    async def enable(self, account_id: int, webhook_id: int) -> Registered | None:
        """Undo what 410 Gone has done; None if there is no such webhook."""
        return _changed(await self._run(statements.ENABLE, {"account_id": account_id, "id": webhook_id}))

    async def delete(self, account_id: int, webhook_id: int) -> bool:
        """Remove a webhook; False if there is none."""
        return bool(await self._run(statements.DELETE, {"account_id": account_id, "id": webhook_id}))

    async def disabled(self, account_id: int, webhook_id: int) -> bool | None:
        """Whether a webhook is disabled; None if there is none."""
        rows = await self._run(statements.GET, {"account_id": account_id, "id": webhook_id})
        return rows[0].disable_time is not None if rows else None

    async def rotate(
        self, account_id: int, webhook_id: int, secret: str, *, previous_until: datetime, call: IdempotentCall | None, now: datetime
    ) -> bool:
        """Replace the secret of a webhook (0: the default secret); False if there is none."""
        values = {"account_id": account_id, "webhook_id": webhook_id, "secret": secret, "previous_until": previous_until}
        return bool(await self._run_keyed(statements.ROTATE, values, call, now))

    async def secret(self, account_id: int, webhook_id: int) -> tuple[str, datetime | None] | None:
        """The secret of a webhook (0: the default secret), and until when the one before signs as well; None if there is none."""
        rows = await self._run(statements.SECRET, {"account_id": account_id, "webhook_id": webhook_id})
        return (str(rows[0].secret), rows[0].previous_until) if rows else None

    async def default_secret(self, account_id: int, secret: str, *, call: IdempotentCall | None, now: datetime) -> str:
        """The account's default secret, which is `secret` from now on if it had none."""
        rows = await self._run_keyed(statements.DEFAULT_SECRET, {"account_id": account_id, "secret": secret}, call, now)
        return str(rows[0].secret)

    async def claim(self, *, limit: int, lane_limit: int, busy: Mapping[int, int], retry_at: datetime, now: datetime) -> Sequence[Claimed]:
        """Take up to `limit` due deliveries, of each lane up to `lane_limit` less what `busy` says; other calls pass them over until
        `retry_at`."""
        values = {
            "limit": limit,
            "lane_limit": lane_limit,
            "busy_lanes": list(busy),
            "busy_counts": list(busy.values()),
            "retry_at": retry_at,
            "now": now,
        }
        return [_claimed(dict(row._mapping), now) for row in await self._run(statements.CLAIM, values)]

    async def record(self, delivery: WebhookDelivery, outcome: Outcome, *, retry_at: datetime | None, now: datetime) -> bool:
        """Store what became of the delivery's current attempt; False if it is not the current one any more. With `retry_at` it stays
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
            "gone": outcome.gone,
            "now": now,
        }
        return bool(await self._run(statements.RECORD, values))

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
        return [_delivery(dict(row._mapping)) for row in await self._run(statements.DELIVERIES, values)]

    async def delivery(self, account_id: int, delivery_id: int) -> WebhookDelivery | None:
        """One delivery of the account."""
        return _first(await self._run(statements.DELIVERY, {"id": delivery_id, "account_id": account_id}))

    async def replay(self, account_id: int, delivery_id: int, *, call: IdempotentCall | None, now: datetime) -> WebhookDelivery | None:
        """Make a delivery due; None if there is none, or its webhook is deleted or disabled."""
        values = {"id": delivery_id, "account_id": account_id, "now": now}
        return _first(await self._run_keyed(statements.REPLAY, values, call, now))

    async def test(self, account_id: int, webhook_id: int, *, call: IdempotentCall | None, now: datetime) -> WebhookDelivery | None:
        """Queue a test event; None if there is no such webhook, or it is disabled."""
        values = {"id": webhook_id, "account_id": account_id, "now": now}
        return _first(await self._run_keyed(statements.TEST, values, call, now))

    async def _run_keyed(
        self, statement: TextClause, values: Mapping[str, Any], call: IdempotentCall | None, now: datetime
    ) -> Sequence[Row[Any]]:
        with storing_key():
            return await self._run(statement, {**values, **key_values(call, now)})

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with reaching_database():
            async with self._engine.connect() as connection:
                return (await connection.execute(statement, dict(values))).all()


def _registered(row: Row[Any]) -> Registered:
    return Registered(row.id, row.url, row.create_time, row.disable_time, row.previous_until, tuple(row.event_types))


def _changed(rows: Sequence[Row[Any]]) -> Registered | None:
    return _registered(rows[0]) if rows else None


def _claimed(columns: dict[str, Any], now: datetime) -> Claimed:
    secret, previous, until, deleted, disabled = (columns.pop(name) for name in _BESIDE_THE_ROW)
    secrets = [secret, previous if until is not None and until > now else None]
    return Claimed(_delivery(columns), tuple(filter(None, secrets)), deleted, disabled)


def _delivery(columns: Mapping[str, Any]) -> WebhookDelivery:
    return WebhookDelivery(**{**columns, "state": DeliveryState(columns["state"])})


def _first(rows: Sequence[Row[Any]]) -> WebhookDelivery | None:
    return _delivery(dict(rows[0]._mapping)) if rows else None
