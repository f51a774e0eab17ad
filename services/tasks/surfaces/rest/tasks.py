"""`/v1/tasks` (create, details, status, result, events, list, cancel, run again, delete) and `/v1/events`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from google.api import httpbody_pb2
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import NULL_VALUE, Value

from darkroom.rest.v1 import account_tasks_pb2, account_tasks_pb2_grpc, envelope_pb2, task_list_pb2, tasks_pb2, tasks_pb2_grpc
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.moments import moment
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.account_watching import DeletedTask, Ready, Reset, Resumable, Update
from services.tasks.domain.owner.task_search import TaskQuery, TaskSearch
from services.tasks.domain.owner.watching import Watching
from services.tasks.model.deletion import Deletion
from services.tasks.surfaces import ids, server_sent_events
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.pipelines import current_viewer
from services.tasks.surfaces.rendering import deadline_of, destination
from services.tasks.surfaces.rest import messages
from services.tasks.surfaces.rest.notices import SURFACE
from services.tasks.surfaces.rest.replies import Replies, tell_replayed
from services.tasks.surfaces.rest.status import State, Status, states_like, states_of
from services.tasks.surfaces.rest.task_details import task_details

_NO_BATCH = 0
_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)
# The year 9999.
_LATEST = 253_402_300_799_999


def query_of(request: task_list_pb2.ListTasksRequest) -> TaskQuery:
    """The wanted states and times. Raises FIELD_INVALID for `state` together with `status`, and for an impossible time."""
    if request.HasField("state") and request.HasField("status"):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "state: replaces status; send only one of them.", field="state")
    states, attempted = None, None
    if request.HasField("state"):
        states, attempted = states_like(State(request.state))
    elif request.HasField("status"):
        states, attempted = states_of(Status(request.status))
    return TaskQuery(
        states=states,
        has_attempts=attempted,
        operation=request.operation,
        name=request.name,
        # No batch has an invalid id, and no tasks are in it.
        batch_id=(ids.decimal_id(request.batch_id) or _NO_BATCH) if request.batch_id else None,
        created_after=moment(request.created_after, "created_after") if request.HasField("created_after") else None,
        created_before=moment(request.created_before, "created_before") if request.HasField("created_before") else None,
    )


_SUCCESS = "success"


class RestTasks(tasks_pb2_grpc.TasksServiceServicer):
    """Tasks of the calling account. A task that is run again counts towards the limit of `max_pooled`."""

    def __init__(
        self,
        tasks: AccountTasks,
        search: TaskSearch,
        watching: Watching,
        replies: Replies,
        heartbeat: float,
        max_pooled: int,
        clock: Clock = system_clock,
    ) -> None:
        self._tasks, self._search, self._watching, self._replies = tasks, search, watching, replies
        self._heartbeat, self._max_pooled, self._clock = heartbeat, max_pooled, clock

    async def GetTaskStatus(self, request: tasks_pb2.GetTaskStatusRequest, context: Context) -> tasks_pb2.TaskStatusEnvelope:
        """The state of the task."""
        return await self._replies.status(ids.task_id(request.id), request.wait)

    async def GetTaskResult(self, request: tasks_pb2.GetTaskResultRequest, context: Context) -> tasks_pb2.TaskResultEnvelope:
        """The outputs of the task; before its end, its state."""
        return await self._replies.result(ids.task_id(request.id), request, context)

    async def StreamTaskEvents(self, request: tasks_pb2.StreamTaskEventsRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Every event of the task after the client's last one."""
        identity, task_id = current_identity(), ids.task_id(request.id)
        after = server_sent_events.last_event_id(context)
        task = await self._watching.wait(identity, task_id, 0)
        if task.state.terminal and after >= task.last_sequence:
            await context.send_initial_metadata(server_sent_events.NOTHING_MORE)
            return
        await context.send_initial_metadata(server_sent_events.HEADERS)
        events = self._watching.watch(identity, task_id, after)
        async for chunk in server_sent_events.event_stream(events, messages.stream_event, self._heartbeat):
            yield chunk

    async def ListTasks(self, request: task_list_pb2.ListTasksRequest, context: Context) -> task_list_pb2.TaskListEnvelope:
        """List tasks, newest first."""
        began = self._clock()
        page = await self._search.page(current_identity().account_id, query_of(request), size=request.page_size, token=request.page_token)
        data = task_list_pb2.TaskList(
            items=map(messages.list_item, page.tasks), next_page_token=page.next_page_token or None, event_id=event_id(began)
        )
        return task_list_pb2.TaskListEnvelope(code=200, message=_SUCCESS, data=data)

    async def CancelTask(self, request: tasks_pb2.CancelTaskRequest, context: Context) -> tasks_pb2.TaskStatusEnvelope:
        """End a task."""
        task = await self._tasks.cancel(current_identity().account_id, ids.task_id(request.id))
        return tasks_pb2.TaskStatusEnvelope(code=200, message=_SUCCESS, data=messages.status(task))

    async def RerunTask(self, request: tasks_pb2.RerunTaskRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Create a task like another."""
        task = await self._tasks.run_again(
            current_identity().account_id,
            ids.task_id(request.id),
            field="id",
            max_pooled=self._max_pooled,
            trace_id=str(Origin.current()),
            idempotency=current_idempotency(),
        )
        return await self._replies.creation_reply(task, request, context)

    async def DeleteTask(self, request: tasks_pb2.DeleteTaskRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """Delete a task and its outputs."""
        await self._tasks.delete(current_identity().account_id, ids.task_id(request.id))
        return envelope_pb2.ResponseEnvelope(code=200, message=_SUCCESS, data=Value(null_value=NULL_VALUE))


class RestAccountTasks(account_tasks_pb2_grpc.AccountTasksServiceServicer):
    """Tasks of the calling account."""

    def __init__(self, parts: SurfaceParts, replies: Replies) -> None:
        self._parts, self._replies = parts, replies

    async def CreateTask(self, request: account_tasks_pb2.CreateTaskRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Accept a task."""
        fields = [f"file_ids[{index}]" for index in range(len(request.file_ids))]
        file_ids = [ids.file_id(text, field) for text, field in zip(request.file_ids, fields, strict=True)]
        task = await self._parts.acceptance.create(
            TaskRequest(
                account_id=current_identity().account_id,
                operations=request.operations,
                saved=self._parts.pipelines.to_run(current_viewer(), request.pipeline_id),
                input_file_ids=file_ids,
                input_fields=fields,
                files_field="file_ids",
                priority=request.priority,
                deadline=deadline_of(request),
                webhook_url=request.webhook_url,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
                surface=SURFACE,
                destination=destination(request.destination),
            )
        )
        tell_replayed(task, file_ids, context)
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


def event_id(moment: datetime) -> str:
    """The id of an event after which a client resumes from a moment."""
    return str(_number(moment))


def moment_of(number: int) -> datetime:
    """The moment from which a client resumes after the event with an id."""
    return _EPOCH + min(number, _LATEST) * _MILLISECOND


def account_event(update: Resumable) -> bytes:
    """One event of the account's stream. Its id is the moment from which a client resumes, in milliseconds since 1970."""
    number = _number(update.moment)
    match update:
        case Update(task=task):
            return server_sent_events.server_sent_event(number, _json(messages.list_item(task)))
        case DeletedTask(deletion=deletion):
            return server_sent_events.server_sent_event(number, _json(_deleted(deletion)), "deleted")
        case Reset():
            return server_sent_events.server_sent_event(number, "{}", "reset")
        case Ready():
            return server_sent_events.server_sent_event(number, "{}", "ready")
    raise TypeError(update)


def _deleted(deletion: Deletion) -> account_tasks_pb2.TaskDeletion:
    return account_tasks_pb2.TaskDeletion(
        task_id=str(deletion.task_id) if deletion.task_id is not None else None,
        batch_id=str(deletion.batch_id) if deletion.batch_id is not None else None,
    )


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _json(message: Message) -> str:
    # As in the list: what is empty is there.
    return MessageToJson(message, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
