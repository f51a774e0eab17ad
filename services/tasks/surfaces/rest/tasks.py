"""`/v1/tasks`: status, result, events, list, cancel, run again, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.api import httpbody_pb2
from google.protobuf.struct_pb2 import NULL_VALUE, Value

from darkroom.rest.v1 import envelope_pb2, task_list_pb2, tasks_pb2, tasks_pb2_grpc
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.moments import moment
from services.platform.rpc.trace import Origin
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.task_search import TaskQuery, TaskSearch
from services.tasks.domain.owner.watching import Watching
from services.tasks.surfaces import ids, server_sent_events
from services.tasks.surfaces.rest import messages
from services.tasks.surfaces.rest.account_events import event_id
from services.tasks.surfaces.rest.replies import Replies
from services.tasks.surfaces.rest.status import State, Status, states_like, states_of

_NO_BATCH = 0


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
