"""The states of a request as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from compat.fal.v1 import queue_pb2
from services.platform.identity import current_identity
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.watching import Watching
from services.tasks.model import Task
from services.tasks.surfaces.fal.logs import Line, last_lines, line_of, lines_of

Render = Callable[[Task, list[Line] | None], Awaitable[queue_pb2.QueueStatus]]


async def statuses(
    tasks: AccountTasks, watching: Watching, task: Task, render: Render, *, logs: bool
) -> AsyncGenerator[queue_pb2.QueueStatus, None]:
    """The state now and after each event, up to COMPLETED. With `logs`, each has the lines since the one before."""
    yield await render(task, await lines_of(tasks, task) if logs else None)
    if task.state.terminal:
        return
    async with aclosing(watching.watch(current_identity(), task.id, task.last_sequence)) as events:
        async for event in events:
            if event.state.terminal:
                ended = await tasks.get(task.account_id, task.id)
                yield await render(ended, [*line_of(event), *last_lines(ended)] if logs else None)
                return
            started = task.start_time or (event.time if event.attempt else None)
            task = replace(
                task,
                state=event.state,
                attempt=event.attempt,
                progress=event.progress,
                progress_message=event.message,
                start_time=started,
                update_time=event.time,
            )
            yield await render(task, line_of(event) if logs else None)


def event_bytes(content: Message | dict[str, object]) -> bytes:
    """One event: a line `data` with JSON."""
    said = json_of(content) if isinstance(content, Message) else content
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()


def json_of(message: Message) -> Any:
    """A message in Python's json terms, as the edge prints it."""
    return _whole(MessageToDict(message, preserving_proto_field_name=True))


def _whole(value: Any) -> Any:
    """The same JSON with whole numbers as integers: the message has doubles."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
