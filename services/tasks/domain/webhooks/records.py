"""What the store of webhooks gives beside rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.tasks.store.models import WebhookDelivery


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook as its owner sees it."""

    id: int
    url: str
    create_time: datetime
    disable_time: datetime | None
    previous_until: datetime | None
    """Until then the secret before the current one signs as well."""
    event_types: Sequence[str]
    """What it hears of; empty: of everything."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this sender has taken, as it is now, with what it is signed by."""

    delivery: WebhookDelivery
    secrets: tuple[str, ...]
    """The current one and, for a while after a rotation, the one before; none if the webhook is deleted."""
    webhook_deleted: bool
    webhook_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt."""

    delivered: bool
    status: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after: timedelta | None = None
    """How long the receiver asks to be left alone."""
    final: bool = False
    """Not to be tried again."""
    gone: bool = False
    """The webhook is to be disabled."""
