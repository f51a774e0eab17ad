"""The events of jobs by the ids that replies name: those of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from darkroom.internal.tasks.v1 import run_service_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.log import get_logger
from services.gateway.surfaces.snapotter.calls.tool_calls import told
from services.gateway.surfaces.snapotter.jobs.events import Event, complete, failed, processing
from services.gateway.surfaces.snapotter.jobs.ids import Job, JobIds, JobKind
from services.gateway.surfaces.snapotter.runs import ENDED, WAIT_SECONDS, Runs, failure

_AWAY_SECONDS = 2.0
"""Between attempts to reach a service that is away."""
_UNFINISHED = 99
_logger = get_logger()


class TaskEvents:
    """Follows tasks."""

    def __init__(self, ids: JobIds, runs: Runs) -> None:
        self._ids, self._runs = ids, runs

    async def of(self, job_id: str) -> AsyncIterator[Event]:
        """The events of a job from now on, up to its final one; none if the id is not a task's."""
        job = self._ids.read(job_id)
        if job is None or job.kind is not JobKind.TASK:
            return
        run = await self._run(job, None)
        while run is not None and run.state not in ENDED:
            yield processing(min(_UNFINISHED, round(100 * run.progress)), run.progress_message)
            run = await self._run(job, run.last_sequence)
        if run is not None:
            problem = failure(run)
            size = sum(file.size_bytes for file in run.inputs)
            yield failed(problem) if problem is not None else complete(told(job_id, size, run))

    async def _run(self, job: Job, after: int | None) -> run_service_pb2.Run | None:
        """The task, once it has an event after that number; None for one that does not exist. Waits for services that are away."""
        while True:
            try:
                return await self._runs.open(job.account_id, job.number, 0 if after is None else WAIT_SECONDS, after)
            except DarkroomError as error:
                if error.reason is ErrorReason.TASK_NOT_FOUND:
                    return None
                _logger.warning("task_not_read", task_id=job.number, error=str(error))
            await asyncio.sleep(_AWAY_SECONDS)
