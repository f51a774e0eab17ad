"""`/fal/run`: a request whose result the call itself returns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

from google.api import httpbody_pb2
from google.protobuf.message import Message

from compat.fal.v1 import queue_pb2, run_pb2_grpc
from services.platform.identity import current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.interceptor import Context
from services.platform.rpc.origin import origin_of
from services.platform.rpc.surfaces import render_error
from services.tasks.model import Task
from services.tasks.surfaces.fal.rendering import Urls, failure_of
from services.tasks.surfaces.fal.replies import REQUEST_ID, Replies
from services.tasks.surfaces.fal.stream import event_bytes, statuses
from services.tasks.surfaces.fal.submitting import Submitting
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.server_sent_events import COMMENT, HEADERS, event_stream

_LONGEST_WAIT = 100
"""Seconds; the edge waits longer."""


class FalRun(run_pb2_grpc.RunServiceServicer):
    """Requests of the calling account."""

    def __init__(self, parts: SurfaceParts, submitting: Submitting, replies: Replies) -> None:
        self._parts, self._submitting, self._replies = parts, submitting, replies

    async def Run(self, request: queue_pb2.SubmitRequest, context: Context) -> queue_pb2.QueueResult:
        """Accept a request and wait for its end."""
        task = await self._submitting.submit(request, context)
        task = await self._parts.watching.wait(current_identity(), task.id, _LONGEST_WAIT)
        return await self._replies.result(task, context)

    async def StreamRun(self, request: queue_pb2.SubmitRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Accept a request; its states, and its result or error."""
        task = await self._submitting.submit(request, context)
        await context.send_initial_metadata((*HEADERS, (REQUEST_ID, str(task.id))))
        events = self._events(task, Urls.of(origin_of(context), request.model, task.id))
        async for chunk in event_stream(events, event_bytes, self._parts.heartbeat, COMMENT):
            yield chunk

    async def _events(self, task: Task, urls: Urls) -> AsyncGenerator[Message | dict[str, object], None]:
        render = partial(self._replies.status, urls=urls)
        async for status in statuses(self._parts.tasks, self._parts.watching, task, render, logs=False):
            yield status
        ended = await self._parts.tasks.get(task.account_id, task.id)
        failure = failure_of(ended)
        yield render_error(catalogue.surface("fal"), failure)[1] if failure is not None else await self._replies.outputs(ended)
