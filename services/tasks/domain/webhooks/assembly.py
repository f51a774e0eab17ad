"""How the parts of webhooks fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.platform.clock import Clock
from services.platform.egress.addresses import AddressRules
from services.platform.egress.destinations import Destinations, Purpose, SystemResolver
from services.platform.idempotency import IdempotencyRecords
from services.tasks.domain.lifecycle.due_work import IDLE_SECONDS
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.domain.webhooks.config import WebhookSettings
from services.tasks.domain.webhooks.formats import NativeFormat, Render, WebhookFormat
from services.tasks.domain.webhooks.post import Poster
from services.tasks.domain.webhooks.schedule import RetrySchedule
from services.tasks.domain.webhooks.sender import SenderRules, WebhookSender
from services.tasks.store.batches import BatchStore
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore

PURPOSE = Purpose(
    forbids="webhooks may not be sent to",
    setting="DARKROOM_WEBHOOK_ALLOWED_NETWORKS",
    secrets="deliveries are signed instead",
    http_setting="DARKROOM_WEBHOOK_ALLOW_HTTP, and to its own machine by DARKROOM_WEBHOOK_ALLOW_LOOPBACK",
)


@dataclass(frozen=True, slots=True)
class WebhookParts:
    """The loops of the service, and the calls of its surfaces."""

    sender: WebhookSender
    webhooks: AccountWebhooks


def assemble_webhooks(
    settings: WebhookSettings,
    store: WebhookStore,
    tasks: TaskStore,
    batches: BatchStore,
    idempotency: IdempotencyRecords,
    render: Render,
    clock: Clock,
    formats: Mapping[str, WebhookFormat] | None = None,
) -> WebhookParts:
    """Build every part from the settings. `render` gives the bodies of deliveries, except where one of `formats` is asked for, which may be
    filled until the sender runs."""
    destinations = Destinations(
        AddressRules(settings.webhook_allowed_networks),
        SystemResolver(settings.webhook_lookups, settings.webhook_lookups_each),
        PURPOSE,
        allow_http=settings.webhook_allow_http,
        timeout=settings.webhook_connect_timeout,
        allow_loopback=settings.webhook_allow_loopback,
    )
    poster = Poster(destinations, connect_timeout=settings.webhook_connect_timeout, timeout=settings.webhook_timeout)
    rules = SenderRules(
        concurrency=settings.webhook_concurrency,
        concurrency_each=settings.webhook_concurrency_each,
        lease=timedelta(seconds=2 * settings.webhook_timeout),
        interval=IDLE_SECONDS,
        schedule=RetrySchedule(
            settings.webhook_max_attempts,
            timedelta(seconds=settings.webhook_backoff),
            timedelta(seconds=settings.webhook_retry_after_limit),
        ),
        spacing=settings.webhook_interval,
    )
    sender = WebhookSender(store, tasks, batches, poster, NativeFormat(render), rules, clock, formats)
    return WebhookParts(sender, AccountWebhooks(store, idempotency, destinations, sender.wake, settings.webhook_max_per_account, clock))
