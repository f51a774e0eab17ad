"""The states of tasks and batches as Claid names them."""

from __future__ import annotations

from enum import StrEnum

from services.tasks.model import Task
from services.tasks.model.records import BatchNow
from services.tasks.model.state import TaskState


class Status(StrEnum):
    """Claid's states."""

    ACCEPTED = "ACCEPTED"
    PROCESSING = "PROCESSING"
    ERROR = "ERROR"
    DONE = "DONE"


def status_of(task: Task) -> Status:
    """The state of a task. One that waits for another attempt stays PROCESSING: for clients it never goes back."""
    if task.state is TaskState.SUCCEEDED:
        return Status.DONE
    if task.state.terminal:
        return Status.ERROR
    return Status.PROCESSING if task.attempt > 0 else Status.ACCEPTED


def status_of_batch(batch: BatchNow, tasks: list[Task]) -> Status:
    """The state of a batch with these tasks."""
    if batch.batch.end_time is not None:
        return Status.DONE if batch.batch.succeeded else Status.ERROR
    begun = any(status_of(task) is not Status.ACCEPTED for task in tasks)
    return Status.PROCESSING if begun else Status.ACCEPTED
