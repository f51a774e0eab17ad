"""What goes into the store of batches, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.common.errors import DarkroomError
from services.tasks.store.models import Batch, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """A task to be, as it has passed every check but that of the account."""

    id: int
    index: int
    """Its place in the request, from 0."""
    lane: str
    operations: list[bytes]
    input_file_ids: list[int]
    list_price_millicredits: int
    """Before the account's multiplier."""
    expected_outputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """What a batch is created with, beside its items."""

    id: int
    account_id: int
    priority: int
    trace_id: str
    max_attempts: int
    deadline: datetime | None
    webhook_url: str | None


@dataclass(frozen=True, slots=True)
class AccountState:
    """What decides which items an account may create."""

    open: int
    max_open: int
    available_millicredits: int
    unlimited: bool
    multiplier_permille: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that is not accepted."""

    index: int
    error: DarkroomError


@dataclass(frozen=True, slots=True)
class BatchNow:
    """A batch, and where its open tasks are."""

    row: Batch
    queued: int
    dispatched: int
    running: int
    running_progress: float
    """Sum over the open tasks."""

    @property
    def progress(self) -> float:
        """Done part of all tasks, 0 to 1."""
        return (self.row.task_count - self.row.open + self.running_progress) / self.row.task_count


@dataclass(frozen=True, slots=True)
class CreatedBatch:
    """A batch and its tasks, in the order of the items."""

    batch: BatchNow
    tasks: Sequence[Task]
