"""`/api/v1/jobs`."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from google.api import httpbody_pb2

from compat.pi.v1 import job_pb2, jobs_pb2, jobs_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context
from services.platform.rpc.notices import send_notices
from services.platform.rpc.surfaces import HTTP_STATUS
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.owner.account_tasks import AccountTasks, TaskStretch
from services.tasks.domain.owner.watching import Watching
from services.tasks.model import Task, TaskEvent
from services.tasks.model.state import TaskState
from services.tasks.surfaces import server_sent_events
from services.tasks.surfaces.pi import ids, messages
from services.tasks.surfaces.pi.creation import create
from services.tasks.surfaces.pi.replies import Replies, names_in
from services.tasks.surfaces.pi.states import Status, states_of, status_of
from services.tasks.surfaces.rendering import notices_of, once_an_event

ACCEPTED = ((HTTP_STATUS, "202"),)
_WAIT_SECONDS = 20.0
_PAGE, _EVENTS_PAGE = 10, 100
_EVENT_STREAM = "text/event-stream"
_LIST = "list"


class PiJobs(jobs_pb2_grpc.JobsServiceServicer):
    """Jobs of the calling account."""

    def __init__(self, acceptance: Acceptance, tasks: AccountTasks, watching: Watching, replies: Replies, heartbeat: float) -> None:
        self._acceptance, self._tasks, self._watching, self._replies = acceptance, tasks, watching, replies
        self._heartbeat = heartbeat

    async def CreateJob(self, request: jobs_pb2.CreateJobRequest, context: Context) -> job_pb2.JobEnvelope:
        """Accept a job."""
        urls = {f"input_urls[{index}]": url for index, url in enumerate(request.input_urls)}
        task = await create(self._acceptance, request, request.operations, urls)
        await context.send_initial_metadata(ACCEPTED)
        return await self._replies.one(task)

    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Context) -> job_pb2.JobListEnvelope:
        """List jobs, newest first."""
        account_id = current_identity().account_id
        stretch = await self._stretch(account_id, request)
        jobs = await self._replies.many(account_id, stretch.tasks)
        data = job_pb2.JobList(object=_LIST, data=jobs, has_more=stretch.more, url="/api/v1/jobs")
        return job_pb2.JobListEnvelope(id=ids.envelope_id(), object=_LIST, status=Status.COMPLETED, created_at=int(time.time()), data=data)

    async def GetJob(self, request: jobs_pb2.GetJobRequest, context: Context) -> job_pb2.JobEnvelope:
        """A job, now or once it has ended."""
        seconds = (request.timeout_seconds or _WAIT_SECONDS) if request.wait_for_completion else 0
        with about_jobs():
            task = await self._watching.wait(current_identity(), ids.task_id(request.id), math.ceil(seconds))
        await send_notices(context, notices_of(task))
        expand, fields = names_in(request.expand, request.include), names_in(request.fields)
        return await self._replies.one(task, expand=expand, fields=fields)

    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, context: Context) -> job_pb2.JobEnvelope:
        """End a job."""
        with about_jobs():
            task = await self._tasks.cancel(current_identity().account_id, ids.task_id(request.id))
        return await self._replies.one(task)

    async def ListJobEvents(self, request: jobs_pb2.ListJobEventsRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """The events of a job, as a list or as a stream."""
        if _EVENT_STREAM in str(dict(context.invocation_metadata() or ()).get("accept", "")).lower():
            async for chunk in self._stream(request.id, context):
                yield chunk
            return
        task = await self._job(request.id)
        after = ids.event_sequence(request.starting_after, task.id, "starting_after") if request.HasField("starting_after") else 0
        limit = request.limit or _EVENTS_PAGE
        events = await self._tasks.events(task, after=after, limit=limit + 1)
        envelope = messages.events_envelope(task, messages.events_list(task, events[:limit], more=len(events) > limit))
        yield httpbody_pb2.HttpBody(content_type="application/json", data=messages.text(envelope).encode())

    async def StreamJobEvents(self, request: jobs_pb2.StreamJobEventsRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Every event of a job after the client's last one."""
        async for chunk in self._stream(request.id, context):
            yield chunk

    async def _stream(self, job_id: str, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        after = server_sent_events.last_event_id(context)
        task = await self._job(job_id)
        if task.state.terminal and after >= task.last_sequence:
            await context.send_initial_metadata(server_sent_events.NOTHING_MORE)
            return
        await context.send_initial_metadata(server_sent_events.HEADERS)
        events = self._watching.watch(current_identity(), task.id, after)
        async for chunk in server_sent_events.event_stream(events, _chunk, self._heartbeat):
            yield chunk

    async def _job(self, job_id: str) -> Task:
        with about_jobs():
            return await self._tasks.get(current_identity().account_id, ids.task_id(job_id))

    async def _stretch(self, account_id: int, request: jobs_pb2.ListJobsRequest) -> TaskStretch:
        states, attempted = states_of(Status(request.status)) if request.HasField("status") else (frozenset[TaskState](), None)
        size = request.limit or _PAGE
        if not request.HasField("ending_before"):
            than = ids.cursor(request.starting_after, "starting_after") if request.HasField("starting_after") else None
            return await self._tasks.older(account_id, states=states, attempted=attempted, than=than, size=size)
        if request.HasField("starting_after"):
            message = "ending_before: cannot be given together with starting_after."
            raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="ending_before")
        than = ids.cursor(request.ending_before, "ending_before")
        return await self._tasks.newer(account_id, states=states, attempted=attempted, than=than, size=size)


@contextmanager
def about_jobs() -> Iterator[None]:
    """Put what the block raises about a task in terms of jobs."""
    try:
        yield
    except DarkroomError as error:
        if error.reason is ErrorReason.TASK_NOT_FOUND:
            raise error.saying("There is no such job.") from None
        if error.reason is ErrorReason.TASK_ALREADY_TERMINAL:
            status = status_of(TaskState(error.metadata["state"]), 1)
            raise error.saying(f"The job has already ended: it is {status}.") from None
        raise


@once_an_event
def _chunk(event: TaskEvent) -> bytes:
    return server_sent_events.server_sent_event(event.sequence, messages.text(messages.event(event)))
