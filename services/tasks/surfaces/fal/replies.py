"""Replies about one request: its state and its result, with their headers."""

from __future__ import annotations

from collections.abc import Sequence

from compat.fal.v1 import queue_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.interceptor import Context
from services.platform.rpc.surfaces import error_trailers
from services.tasks.model import Task
from services.tasks.surfaces import ids
from services.tasks.surfaces.fal import rendering
from services.tasks.surfaces.fal.logs import Line
from services.tasks.surfaces.fal.rendering import Status, Urls
from services.tasks.surfaces.parts import SurfaceParts

REQUEST_ID = "x-fal-request-id"
TIMEOUT_TYPE = ("x-fal-request-timeout-type", "user")
"""Header of a failure that clients must not answer with another attempt."""
UNKNOWN = "Request not found"


class Replies:
    """Replies in the form of the fal queue."""

    def __init__(self, parts: SurfaceParts) -> None:
        self._tasks, self._files = parts.tasks, parts.files

    async def task(self, request_id: str) -> Task:
        """The task of a request. Raises TASK_NOT_FOUND."""
        try:
            return await self._tasks.get(current_identity().account_id, ids.task_id(request_id))
        except DarkroomError as error:
            raise (error.saying(UNKNOWN) if error.reason is ErrorReason.TASK_NOT_FOUND else error) from None

    async def position(self, task: Task) -> int:
        """How many of the account's requests go before it."""
        if rendering.status_of(task) is not Status.IN_QUEUE:
            return 0
        return await self._tasks.queue_position(task)

    async def status(self, task: Task, lines: Sequence[Line] | None, *, urls: Urls) -> queue_pb2.QueueStatus:
        """The state of a task; `lines` are None unless they were asked for."""
        return rendering.queue_status(task, urls, await self.position(task), lines)

    async def outputs(self, task: Task) -> queue_pb2.QueueResult:
        """The outputs of a task that has succeeded."""
        return rendering.result(task, await self._files.sign_downloads(task.account_id, task.output_file_ids))

    async def result(self, task: Task, context: Context) -> queue_pb2.QueueResult:
        """The outputs of a task, or the error that it failed with; of one that has not ended, the error that the call waited too long."""
        failure = rendering.failure_of(task)
        if failure is None and not task.state.terminal:
            failure = DarkroomError(ErrorReason.DEADLINE_EXCEEDED, f"The request {task.id} has not ended yet. It continues in the queue.")
        if failure is not None:
            # Not raised, since the call did not fail: the edge repeats a read that did.
            await context.send_initial_metadata((*error_trailers(catalogue.surface("fal"), failure), *_about(task, failure)))
            return queue_pb2.QueueResult()
        result = await self.outputs(task)
        await context.send_initial_metadata(((REQUEST_ID, str(task.id)), ("cache-control", "no-store")))
        return result


def _about(task: Task, failure: DarkroomError) -> tuple[tuple[str, str], ...]:
    told = ((REQUEST_ID, str(task.id)),)
    return (*told, TIMEOUT_TYPE) if failure.reason is ErrorReason.DEADLINE_EXCEEDED else told
