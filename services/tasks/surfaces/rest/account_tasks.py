"""`POST /v1/tasks`, `GET /v1/tasks/{id}` and `GET /v1/events`: tasks of any operations."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.api import httpbody_pb2

from darkroom.rest.v1 import account_tasks_pb2, account_tasks_pb2_grpc, tasks_pb2
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.surfaces import ids, server_sent_events
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.rendering import deadline_of
from services.tasks.surfaces.rest.account_events import account_event, moment_of
from services.tasks.surfaces.rest.notices import SURFACE
from services.tasks.surfaces.rest.replies import Replies
from services.tasks.surfaces.rest.task_details import task_details


class RestAccountTasks(account_tasks_pb2_grpc.AccountTasksServiceServicer):
    """Tasks of the calling account."""

    def __init__(self, parts: SurfaceParts, replies: Replies) -> None:
        self._parts, self._replies = parts, replies

    async def CreateTask(self, request: account_tasks_pb2.CreateTaskRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Accept a task."""
        fields = [f"file_ids[{index}]" for index in range(len(request.file_ids))]
        task = await self._parts.acceptance.create(
            TaskRequest(
                account_id=current_identity().account_id,
                operations=request.operations,
                input_file_ids=[ids.file_id(text, field) for text, field in zip(request.file_ids, fields, strict=True)],
                input_fields=fields,
                files_field="file_ids",
                priority=request.priority,
                deadline=deadline_of(request),
                webhook_url=request.webhook_url,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
                surface=SURFACE,
            )
        )
        return await self._replies.creation_reply(task, request, context)

    async def GetTask(self, request: account_tasks_pb2.GetTaskRequest, context: Context) -> account_tasks_pb2.TaskDetailsEnvelope:
        """Everything about a task."""
        tasks = self._parts.tasks
        task = await tasks.get(current_identity().account_id, ids.task_id(request.id))
        data = task_details(task, await tasks.details(task), await tasks.timeline(task), kept=self._parts.task_life)
        return account_tasks_pb2.TaskDetailsEnvelope(code=200, message="success", data=data)

    async def StreamEvents(self, request: account_tasks_pb2.StreamEventsRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """The changes of all tasks, or those of one batch."""
        identity, last = current_identity(), server_sent_events.last_event_id(context)
        batch_id = ids.batch_id(request.batch_id) if request.batch_id else None
        if batch_id is not None:
            await self._parts.batches.get(identity.account_id, batch_id)
        await context.send_initial_metadata(server_sent_events.HEADERS)
        updates = self._parts.account_watching.watch(identity, after=moment_of(last) if last else None, batch_id=batch_id)
        async for chunk in server_sent_events.event_stream(updates, account_event, self._parts.heartbeat):
            yield chunk
