"""The events of a task as log lines."""

from __future__ import annotations

from datetime import UTC, datetime

from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.model import Task, TaskEvent
from services.tasks.model.state import TaskState
from services.tasks.surfaces.rendering import notices_of

Line = dict[str, str]
_SOURCE = "USER"
_MOST_EVENTS = 2_000


async def lines_of(tasks: AccountTasks, task: Task) -> list[Line]:
    """All lines so far, oldest first; of a task that has ended, its notices last."""
    events = await tasks.events(task, limit=_MOST_EVENTS)
    return [line for event in events if event.sequence <= task.last_sequence for line in line_of(event)] + last_lines(task)


def line_of(event: TaskEvent) -> list[Line]:
    """The line that an event gives, if it gives one."""
    message, level = "", "INFO"
    match event.state:
        case TaskState.QUEUED if event.attempt:
            message, level = f"Attempt {event.attempt} ended: {event.error_message or event.message} It will be repeated.", "WARN"
        case TaskState.QUEUED:
            message = "Queued."
        case TaskState.RUNNING if event.message or event.progress:
            message = f"{round(event.progress * 100)} %: {event.message}".removesuffix(": ")
        case TaskState.RUNNING:
            message = f"Attempt {event.attempt} began."
        case TaskState.SUCCEEDED:
            message = "Succeeded."
        case TaskState.FAILED | TaskState.CANCELLED:
            message, level = event.error_message or "Failed.", "ERROR"
    return [_line(message, event.time, level)] if message else []


def last_lines(task: Task) -> list[Line]:
    """The notices of a task that has ended."""
    if not task.state.terminal or task.end_time is None:
        return []
    return [_line(notice.message, task.end_time, "WARN") for notice in notices_of(task)]


def _line(message: str, time: datetime, level: str = "INFO") -> Line:
    stamp = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"message": message, "timestamp": stamp, "level": level, "source": _SOURCE}
