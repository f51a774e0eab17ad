"""An account's view of its webhooks: add, list, change, remove, rotate; the log, replay, test."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.platform.clock import Clock
from services.platform.egress.destinations import Destinations
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.lifecycle.notifications import Wake
from services.tasks.domain.pages import Listing, before_id, page_token
from services.tasks.domain.webhooks.signing import new_secret, secret_of
from services.tasks.model import WebhookDelivery
from services.tasks.model.records import WebhookView
from services.tasks.model.state import DeliveryState
from services.tasks.store.webhooks import WebhookStore

_DEFAULT_PAGE = 100
_OLD_SECRET = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Part of the log."""

    deliveries: Sequence[WebhookDelivery]
    next_page_token: str
    """Empty at the end."""


class AccountWebhooks:
    """Every method sees only the account's own webhooks; those of other accounts do not exist for it."""

    def __init__(
        self, store: WebhookStore, idempotency: IdempotencyRecords, destinations: Destinations, wake: Wake, max_webhooks: int, clock: Clock
    ) -> None:
        self._store, self._idempotency, self._destinations, self._wake = store, idempotency, destinations, wake
        self._max_webhooks, self._clock = max_webhooks, clock

    async def create(
        self,
        account_id: int,
        url: str,
        event_types: Sequence[str] = (),
        idempotency: IdempotentCall | None = None,
        *,
        format_name: str | None = None,
        key: bytes | None = None,
        field: str = "url",
    ) -> tuple[WebhookView, str]:
        """A new webhook for some types of events (none given: for all), and its secret; or the one that an earlier call with the same
        idempotency key created, in its current state. `format_name` is the registered form that it is sent events in; None: the native one.
        `key` is what signs them; None: a random one. `field` is blamed for the URL.

        Raises FIELD_INVALID and TOO_MANY_WEBHOOKS.
        """
        return await self._idempotency.once(
            idempotency,
            lambda: self._add(
                account_id, url, event_types, idempotency, format_name, secret_of(key) if key is not None else new_secret(), field
            ),
            lambda ids: self._added(account_id, ids[0]),
        )

    async def _added(self, account_id: int, webhook_id: int) -> tuple[WebhookView, str]:
        created = await self._store.by_id(account_id, webhook_id)
        if created is None:
            message = "The webhook created with this idempotency key no longer exists."
            raise DarkroomError(ErrorReason.WEBHOOK_NOT_FOUND, message)
        return created

    async def _add(
        self,
        account_id: int,
        url: str,
        event_types: Sequence[str],
        call: IdempotentCall | None,
        format_name: str | None,
        secret: str,
        field: str,
    ) -> tuple[WebhookView, str]:
        url = await self._destinations.check(url, field, account_id)
        webhook = await self._store.create(
            account_id,
            url,
            secret,
            event_types=event_types,
            format_name=format_name,
            max_webhooks=self._max_webhooks,
            call=call,
            now=self._clock(),
        )
        if isinstance(webhook, int):
            raise DarkroomError(
                ErrorReason.TOO_MANY_WEBHOOKS,
                f"The account has reached its limit of {webhook} webhooks. Delete one first.",
                metadata={"max_webhooks": str(webhook)},
            )
        return webhook, secret

    async def list(self, account_id: int) -> Sequence[WebhookView]:
        """All webhooks, oldest first."""
        return await self._store.list(account_id)

    async def set_events(self, account_id: int, webhook_id: int, event_types: Sequence[str]) -> WebhookView:
        """Send a webhook only these types of events from now on (none given: all). Raises WEBHOOK_NOT_FOUND."""
        webhook = await self._store.set_events(account_id, webhook_id, event_types)
        if webhook is None:
            raise webhook_not_found()
        return webhook

    async def enable(self, account_id: int, webhook_id: int) -> WebhookView:
        """Resume sending to a webhook that answered 410 Gone, or that its owner has switched off. Raises WEBHOOK_NOT_FOUND."""
        webhook = await self._store.enable(account_id, webhook_id)
        if webhook is None:
            raise webhook_not_found()
        return webhook

    async def disable(self, account_id: int, webhook_id: int) -> WebhookView:
        """Send a webhook nothing until it is enabled. Raises WEBHOOK_NOT_FOUND."""
        webhook = await self._store.disable(account_id, webhook_id, now=self._clock())
        if webhook is None:
            raise webhook_not_found()
        return webhook

    async def delete(self, account_id: int, webhook_id: int) -> None:
        """Remove a webhook. Raises WEBHOOK_NOT_FOUND."""
        if not await self._store.delete(account_id, webhook_id):
            raise webhook_not_found()

    async def rotate(self, account_id: int, webhook_id: int, idempotency: IdempotentCall | None = None) -> tuple[str, datetime | None]:
        """Replace the secret of a webhook (0: the default secret). Returns the new one and until when the old one also signs; after an
        earlier call with the same idempotency key, both in their current state. Raises WEBHOOK_NOT_FOUND."""
        return await self._idempotency.once(
            idempotency, lambda: self._rotate(account_id, webhook_id, idempotency), lambda ids: self._rotated(account_id, ids[0])
        )

    async def _rotate(self, account_id: int, webhook_id: int, call: IdempotentCall | None) -> tuple[str, datetime | None]:
        secret, now = new_secret(), self._clock()
        until = now + _OLD_SECRET
        if await self._store.rotate(account_id, webhook_id, secret, previous_until=until, call=call, now=now):
            return secret, until
        if webhook_id:
            raise webhook_not_found()
        return await self._store.default_secret(account_id, secret, call=call, now=now), None

    async def _rotated(self, account_id: int, webhook_id: int) -> tuple[str, datetime | None]:
        secret = await self._store.secret(account_id, webhook_id)
        if secret is None:
            raise webhook_not_found()
        return secret

    async def default_secret(self, account_id: int) -> str:
        """The secret that signs the deliveries to tasks' own URLs; created on first use."""
        return await self._store.default_secret(account_id, new_secret(), call=None, now=self._clock())

    async def url_of_task(self, account_id: int, url: str, field: str) -> str | None:
        """Check the URL that a task names itself, and make sure that there is a secret to sign with; None for the empty string. Raises
        FIELD_INVALID."""
        if not url:
            return None
        checked = await self._destinations.check(url, field, account_id)
        await self.default_secret(account_id)
        return checked

    async def log(
        self, account_id: int, *, webhook_id: int, task_id: int, states: Collection[DeliveryState], size: int, token: str
    ) -> DeliveryPage:
        """`size` deliveries (0: 100), newest first. Raises FIELD_INVALID for a token it did not make."""
        size = size or _DEFAULT_PAGE
        found = await self._store.deliveries(
            account_id,
            webhook_id=webhook_id,
            task_id=task_id,
            states=states,
            before_id=before_id(token, Listing.WEBHOOK_DELIVERIES),
            limit=size + 1,
        )
        return DeliveryPage(found[:size], page_token(found[size - 1].id, Listing.WEBHOOK_DELIVERIES) if len(found) > size else "")

    async def replay(self, account_id: int, delivery_id: int, idempotency: IdempotentCall | None = None) -> WebhookDelivery:
        """Send a delivery again at once, or return it unchanged if an earlier call with the same idempotency key already did so. Raises
        WEBHOOK_DELIVERY_NOT_FOUND; if its webhook is deleted or disabled, WEBHOOK_NOT_FOUND or FIELD_INVALID."""
        return await self._idempotency.once(
            idempotency, lambda: self._replay(account_id, delivery_id, idempotency), lambda ids: self._delivery(account_id, ids[0])
        )

    async def _replay(self, account_id: int, delivery_id: int, call: IdempotentCall | None) -> WebhookDelivery:
        delivery = await self._store.replay(account_id, delivery_id, call=call, now=self._clock())
        if delivery is None:
            known = await self._delivery(account_id, delivery_id)
            raise await self._unusable(account_id, known.webhook_id, "delivery_id")
        self._wake()
        return delivery

    async def test(self, account_id: int, webhook_id: int, idempotency: IdempotentCall | None = None) -> WebhookDelivery:
        """Send a test event, or return the one that an earlier call with the same idempotency key sent. Raises WEBHOOK_NOT_FOUND, and
        FIELD_INVALID if the webhook is disabled; WEBHOOK_DELIVERY_NOT_FOUND if the earlier one is gone."""
        return await self._idempotency.once(
            idempotency, lambda: self._test(account_id, webhook_id, idempotency), lambda ids: self._delivery(account_id, ids[0])
        )

    async def _test(self, account_id: int, webhook_id: int, call: IdempotentCall | None) -> WebhookDelivery:
        delivery = await self._store.test(account_id, webhook_id, call=call, now=self._clock())
        if delivery is None:
            raise await self._unusable(account_id, webhook_id, "webhook_id")
        self._wake()
        return delivery

    async def _delivery(self, account_id: int, delivery_id: int) -> WebhookDelivery:
        delivery = await self._store.delivery(account_id, delivery_id)
        if delivery is None:
            raise delivery_not_found()
        return delivery

    async def _unusable(self, account_id: int, webhook_id: int, field: str) -> DarkroomError:
        if not await self._store.is_disabled(account_id, webhook_id):
            return webhook_not_found()
        problem = "the webhook is disabled, because it has answered 410 Gone or was switched off. Enable it first"
        return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field)


def webhook_not_found() -> DarkroomError:
    """The refusal for a webhook that does not exist or belongs to another account."""
    return DarkroomError(ErrorReason.WEBHOOK_NOT_FOUND, "No such webhook.")


def delivery_not_found() -> DarkroomError:
    """The refusal for a delivery that does not exist or belongs to another account."""
    return DarkroomError(ErrorReason.WEBHOOK_DELIVERY_NOT_FOUND, "No such delivery.")
