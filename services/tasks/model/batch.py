"""Tasks that were created together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch. The statements that end tasks keep its counters, so they outlive the tasks, show when the batch ends, and need no counting
    query."""

    id: int
    account_id: int
    task_count: int
    """Number of tasks that it was created with."""
    open: int
    """Number of those that have not ended."""
    succeeded: int
    failed: int
    cancelled: int
    create_time: datetime
    end_time: datetime | None
    """When the last of its tasks ended."""
    webhook_url: str | None
    """Notified of its end, besides the account's webhooks."""
