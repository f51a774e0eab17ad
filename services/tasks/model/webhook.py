"""The bodies for webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.tasks.model.state import DeliveryState


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event for one receiver: an entry of the outbox, then of the log."""

    id: int
    account_id: int
    webhook_id: int
    """0: the task named the URL itself."""
    task_id: int | None
    batch_id: int | None
    """If this and the task are None: a test event."""
    url: str
    lane: int
    """Deliveries that share a limit of concurrency, isolated from all others: the webhook's id, or a negative number for tasks' own
    URLs."""
    event_type: str
    state: DeliveryState
    attempts: int
    """Attempts begun so far. It only grows, so it identifies an attempt."""
    tries: int
    """Attempts since the event or the last replay; these decide when it is given up."""
    next_at: datetime | None
    """While PENDING: a sender takes it at this time, and moves the time on while it sends."""
    attempt_time: datetime | None
    response_status: int | None
    response_body: str | None
    error: str | None
    create_time: datetime
    end_time: datetime | None
