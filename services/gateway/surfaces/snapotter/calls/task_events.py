"""The events of jobs that are tasks, by the ids that replies name, and by the tasks' own numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.contents import Contents
from services.gateway.surfaces.snapotter.calls.tool_calls import kept_name, run_report
from services.gateway.surfaces.snapotter.jobs.events import Event, complete, failure_event, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.gateway.surfaces.snapotter.runs import ENDED, WAIT_SECONDS, RunRecord, Runs, failure, sentences
from services.gateway.surfaces.snapotter.tool import FinishedJob, Tool
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_AWAY_SECONDS = 2.0
"""Between attempts to reach a service that is away."""
_UNFINISHED = 99
_GONE = (ErrorReason.TASK_NOT_FOUND, ErrorReason.FILE_NOT_FOUND)
_JSON = "application/json"
_Read = TypeVar("_Read")
_logger = get_logger()


class TaskEvents:
    """Follows tasks."""

    def __init__(self, ids: JobIds, runs: Runs, contents: Contents, tools: Mapping[str, Tool]) -> None:
        self._ids, self._runs, self._contents, self._tools = ids, runs, contents, tools

    async def of(self, job_id: str) -> AsyncIterator[Event]:
        """The events of a job from now on, up to its final one; none if the id is not a task's."""
        job = self._ids.read(job_id)
        if job is None or job.kind is not JobKind.TASK:
            return
        async for event in self.of_task(job.account_id, job.number):
            yield event

    async def of_task(self, account_id: int, task_id: int) -> AsyncIterator[Event]:
        """The events of a task from now on, up to its final one; none if there is no such task."""
        run = await self._run(account_id, task_id, None)
        while run is not None and run.state not in ENDED:
            yield processing(min(_UNFINISHED, round(100 * run.progress)), run.progress_message)
            run = await self._run(account_id, task_id, run.last_sequence)
        if run is not None:
            yield await self._final(account_id, run)

    async def _final(self, account_id: int, run: run_service_pb2.Run) -> Event:
        kept, problem = RunRecord.read(run.kept) or RunRecord("", []), failure(run)
        tool = None if kept.steps else self._tools.get(kept.tool)
        if tool is None or tool.result is None:
            size = sum(file.size_bytes for file in run.inputs)
            if problem is not None:
                return failure_event(problem)
            return complete(run_report(self._ids.of(account_id, run.task_id), size, run), sentences(run))
        if problem is not None:
            return failure_event(f"{tool.failure_message}: {problem}")
        job = await self._finished(account_id, run, kept)
        report = run_report(job.id, run.inputs[0].size_bytes if run.inputs else 0, run)
        return complete(report | dict(tool.result(job)), sentences(run))

    async def _finished(self, account_id: int, run: run_service_pb2.Run, kept: RunRecord) -> FinishedJob:
        job_id = self._ids.of(account_id, run.task_id)
        found: Mapping[str, Any] = {}
        document = next((file for file in run.outputs[1:] if file.media_type == _JSON), None)
        if document is not None:
            content = await _once_there(partial(self._contents.read, account_id, document), run.task_id)
            found = json.loads(content) if content else {}
        return FinishedJob(job_id, run, kept_name(kept, run.outputs[0].media_type), kept.inputs, found)

    async def _run(self, account_id: int, task_id: int, after: int | None) -> run_service_pb2.Run | None:
        """The task, once it has an event after that number; None for one that does not exist."""
        opening = partial(self._runs.open, account_id, task_id, 0 if after is None else WAIT_SECONDS, after)
        return await _once_there(opening, task_id)


async def _once_there(read: Callable[[], Awaitable[_Read]], task_id: int) -> _Read | None:
    """The content; None if it does not exist. Waits for services that are away."""
    while True:
        try:
            return await read()
        except DarkroomError as error:
            if error.reason in _GONE:
                return None
            _logger.warning("task_not_read", task_id=task_id, error=str(error))
        await asyncio.sleep(_AWAY_SECONDS)
