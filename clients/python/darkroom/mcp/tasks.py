"""Runs tasks for tools: files up, a task, its progress, its results; and an end to the task if the call is cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

import anyio

from darkroom.client import AsyncClient
from darkroom.failures import DarkroomFailure, TaskFailed, explained
from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.mcp.schemas import Schema
from darkroom.mcp.tool import Report, Result, Setting
from darkroom.operations.v1 import operation_pb2
from darkroom.task_calls import TERMINAL
from darkroom.tasks.v1 import task_pb2

_UPLOADS = 4
_CANCEL_SECONDS = 10.0
_REPORT_BYTES = 64 * 1024
"""Largest report, such as the text of a picture, that is in the answer itself."""
MOST_FILES = 500
_WAIT = 50
"""Seconds. Many clients end a call after 60."""
WAITING: Mapping[str, Schema] = {
    "wait_seconds": {
        "type": "integer",
        "minimum": 0,
        "maximum": 3600,
        "default": _WAIT,
        "description": "Answer after so long at the latest.",
    }
}


class OutOfSight(DarkroomFailure):
    """Something failed after a task was created, which is not to be created again."""

    def __init__(self, failure: DarkroomFailure, task_id: int) -> None:
        super().__init__(f"{explained(failure)} The task {task_id} is not affected: wait_for_task and download_results take its id.")
        self.reason, self.request_id, self.retry_after = failure.reason, failure.request_id, failure.retry_after
        self.task_id = task_id


async def file_ids(setting: Setting, given: Sequence[str], field: str) -> list[int]:
    """The ids of files, which are uploaded if they are not on the server yet. All names are checked before anything is sent."""
    sources = [setting.places.source(each, f"{field}[{number}]") for number, each in enumerate(given)]
    slots = asyncio.Semaphore(_UPLOADS)

    async def upload(number: int) -> None:
        async with slots:
            found[number] = await setting.client.auxiliary_id(sources[number], f"{field}-{number}")

    found = dict.fromkeys(range(len(sources)), 0)
    await all_of([upload(number) for number in found])
    return list(found.values())


async def file_id(setting: Setting, given: str, field: str) -> int:
    """The id of one file."""
    return await setting.client.auxiliary_id(setting.places.source(given, field), field)


async def all_of(work: Sequence[Any]) -> list[Any]:
    """The results of coroutines. If one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def run_task(
    setting: Setting, ids: Sequence[int], operations: Sequence[operation_pb2.Operation], arguments: Mapping[str, Any], pipeline_id: str = ""
) -> Result:
    """Create a task and follow it for as long as the arguments say. Returns the answer about it."""
    task = await _created(setting.client, ids, operations, pipeline_id)
    return await follow(setting, task.id, arguments, cancels=True)


async def finished(setting: Setting, ids: Sequence[int], operations: Sequence[operation_pb2.Operation]) -> task_pb2.Task:
    """A task that has succeeded, however long it took. Raises TaskFailed."""
    task = await _created(setting.client, ids, operations)
    try:
        return await setting.client.wait(task.id)
    except asyncio.CancelledError:
        await _cancel(setting.client, task.id)
        raise


async def follow(setting: Setting, task_id: int, arguments: Mapping[str, Any], *, cancels: bool) -> Result:
    """Follow a task for as long as the arguments say. With `cancels`, the task is cancelled if this is. Raises TaskFailed, and OutOfSight
    for any other failure."""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(arguments.get("wait_seconds", _WAIT)):
                await _watch(setting.client, task_id, setting.report)
        return await outcome(setting, await setting.client.get_task(task_id), arguments)
    except asyncio.CancelledError:
        if cancels:
            await _cancel(setting.client, task_id)
        raise
    except TaskFailed:
        raise
    except DarkroomFailure as failure:
        raise OutOfSight(failure, task_id) from failure


async def _created(
    client: AsyncClient, ids: Sequence[int], operations: Sequence[operation_pb2.Operation], pipeline_id: str = ""
) -> task_pb2.Task:
    """A new task. If the call is cancelled meanwhile, it is waited for, to cancel it too: a call can end only a task that it knows."""
    work = asyncio.ensure_future(client.create_task(ids, operations, pipeline_id=pipeline_id))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True), suppress(DarkroomFailure):
            await _cancel(client, (await work).id)
        raise


async def _watch(client: AsyncClient, task_id: int, report: Report) -> None:
    furthest = 0.0
    async with aclosing(client.watch(task_id)) as events:  # type: ignore[type-var]  # an async generator
        async for event in events:
            # A second attempt begins at zero again, and progress may not go back.
            furthest = max(furthest, event.progress)
            await report(furthest, event.message or state_of(event.state))


async def _cancel(client: AsyncClient, task_id: int) -> None:
    with anyio.CancelScope(shield=True), suppress(DarkroomFailure, TimeoutError):
        async with asyncio.timeout(_CANCEL_SECONDS):
            await client.cancel_task(task_id)


async def outcome(setting: Setting, task: task_pb2.Task, arguments: Mapping[str, Any]) -> Result:
    """The answer about a task; its results are kept if it has succeeded. Raises TaskFailed if it has failed or was cancelled."""
    if task.state not in TERMINAL:
        return {**summary(task), "note": "The task goes on. Call wait_for_task with its task_id, or cancel_task."}
    if task.state != task_pb2.TASK_STATE_SUCCEEDED:
        raise TaskFailed(task)
    downloads = await setting.client.result_urls(task)
    return {**summary(task), "results": [await _result(setting, each, arguments) for each in downloads]}


def summary(task: task_pb2.Task) -> Result:
    """A task without its results."""
    found: Result = {"task_id": str(task.id), "state": state_of(task.state)}
    if task.state in TERMINAL:
        found["charged_credits"] = task.price.charged_millicredits / 1000
    else:
        found |= {"progress": round(task.progress, 3), "step": task.progress_message, "price_credits": task.price.millicredits / 1000}
    if task.HasField("queue_position"):
        found["tasks_ahead"] = task.queue_position
    if task.unchanged:
        found["unchanged"] = True
    if task.notices:
        found["notices"] = [notice.message for notice in task.notices]
    return found


def state_of(state: task_pb2.TaskState.ValueType) -> str:
    """`running` for TASK_STATE_RUNNING."""
    return task_pb2.TaskState.Name(state).removeprefix("TASK_STATE_").lower()


def about_file(file: file_pb2.File) -> Result:
    """The facts about a file that the server knows."""
    found: Result = {"file_id": str(file.id), "name": file.name, "media_type": file.media_type, "size_bytes": file.size_bytes}
    if file.HasField("image"):
        found |= {"width": file.image.width, "height": file.image.height}
        found |= {"frames": file.image.frames} if file.image.frames > 1 else {}
        if file.image.duration_milliseconds:
            found["duration_seconds"] = file.image.duration_milliseconds / 1000
    if file.HasField("document"):
        found["pages"] = file.document.pages
    return found


async def _result(setting: Setting, download: files_service_pb2.Download, arguments: Mapping[str, Any]) -> Result:
    if is_report(download):
        return {**about_file(download.file), "content": await report_in(setting, download)}
    return {**about_file(download.file), **await setting.places.keep(setting.client, download, arguments)}


def is_report(download: files_service_pb2.Download) -> bool:
    """Whether a result is a JSON document that fits into an answer."""
    return download.file.media_type == "application/json" and download.file.size_bytes <= _REPORT_BYTES


async def report_in(setting: Setting, download: files_service_pb2.Download) -> Any:
    """The content of a JSON document."""
    return json.loads(await setting.places.read(setting.client, download))
