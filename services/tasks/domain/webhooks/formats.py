"""The body for a receiver: the form of the API that it was named to, or the native one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.tasks.domain.webhooks import signing
from services.tasks.model import Task, WebhookDelivery
from services.tasks.model.records import BatchNow

Subject = Task | BatchNow
"""The subject of an event."""
Render = Callable[[WebhookDelivery, Subject | None], bytes]
"""Renders the native body of a delivery; without a subject, that of a test event."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event that is about to be sent to one receiver."""

    delivery: WebhookDelivery
    """Its id is the same at every attempt, and so is `create_time`, when the event happened."""
    subject: Subject | None
    """The ended task or batch; None for a test event."""
    secrets: tuple[str, ...]
    """The secrets to sign with, the current one first: those of the webhook, or for a task's own URL the account's default ones. Each is
    `whsec_` and the key in base64."""
    now: datetime
    """When this attempt is made."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """The body."""

    body: bytes
    """JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Besides `Content-Type: application/json` and a `User-Agent`, which they may replace."""


class WebhookFormat(Protocol):
    """One API's form of events. It is used for the URL that a task names itself if the task is of the surface that registered it, and for
    webhooks that were created with its name as their format."""

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        """The body for an event. Called for each attempt: ended tasks never change, so only signatures and signed URLs differ.

        A `DarkroomError` counts as a failed attempt, and is shown to the webhook's owner.
        """


class NativeFormat:
    """The form of Darkroom's own APIs, signed by Standard Webhooks."""

    def __init__(self, render: Render) -> None:
        self._render = render

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        """The same body at every attempt."""
        body = self._render(event.delivery, event.subject)
        return WebhookMessage(body, signing.headers(event.secrets, f"msg_{event.delivery.id}", int(event.now.timestamp()), body))
