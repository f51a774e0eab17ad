"""Streams of jobs' events, as Server-Sent Events: of those that clients have named themselves, and of those that have a task's id.

A job that a client has named is either reported by the replica that serves the client, or is a task, which any replica follows by itself.

A stream may be opened before its job exists, and at any replica.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Protocol
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.jobs.events import Event, content, cut_off, is_final
from services.gateway.surfaces.snapotter.jobs.jobs import BEAT_SECONDS, Jobs, NamedTask, News, ReportedEvent
from services.gateway.surfaces.snapotter.paths import raw_path
from services.platform.client_network import network_of
from services.platform.errors import DarkroomError
from services.platform.identity import Identity, current_client
from services.platform.process import end
from services.platform.rpc.open_calls import OpenCalls

_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
_COMMENT = b":\n\n"
_BUSY_SECONDS = 5
_ADDRESS_BYTES = 7
_SILENT_SECONDS = 3 * BEAT_SECONDS
"""After which a job that has not ended has lost its server."""


class EventSource(Protocol):
    """Knows jobs by the ids that replies name."""

    def of(self, job_id: str) -> AsyncIterator[Event]:
        """The events of a job from now on, up to its final one; none for a job that it does not know."""


class TaskSource(Protocol):
    """Knows tasks."""

    def of_task(self, account_id: int, task_id: int) -> AsyncIterator[Event]:
        """The events of a task from now on, up to its final one."""


class Progress:
    """Follows jobs."""

    def __init__(
        self, jobs: Jobs, tasks: TaskSource, sources: Sequence[EventSource], heartbeat_seconds: float, most: int, streams: OpenCalls
    ) -> None:
        """Jobs that no source knows are those that clients have named. At most `most` streams are open here at the same time; `streams`
        counts those of each client at all replicas."""
        self._jobs, self._tasks, self._sources, self._heartbeat, self._most = jobs, tasks, sources, heartbeat_seconds, most
        self._streams, self._open = streams, 0

    async def watch(self, request: Request, identity: Identity | None) -> Response:
        """The events of a job, from the last one on, up to its final one. The headers go out at once, also for a job that nobody knows."""
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        client = _client(identity)
        try:
            self._streams.check_room(client, identity.max_streams if identity is not None else None)
            has_room = self._open < self._most
        except DarkroomError:
            has_room = False
        if not has_room:
            raise Refusal(503, "Too many streams are open. Try again later.", retry_after=_BUSY_SECONDS)
        job_id = unquote(raw_path(request).removeprefix("/api/v1/jobs/").removesuffix("/progress"), errors="replace")
        return StreamingResponse(self._chunks(job_id, client), headers=_HEADERS)

    async def _chunks(self, job_id: str, client: int) -> AsyncIterator[bytes]:
        """Each event once, and a comment whenever there is none for a while."""
        with self._streams.counted(client):
            self._open += 1
            events, last = self._events(job_id), b""
            coming = asyncio.ensure_future(_next(events))
            try:
                yield _COMMENT
                while True:
                    await asyncio.wait((coming,), timeout=self._heartbeat)
                    if not coming.done():
                        yield _COMMENT
                        continue
                    data = coming.result()
                    if data is None:
                        return
                    coming = asyncio.ensure_future(_next(events))
                    if data != last:
                        last = data
                        yield b"data: " + data + b"\n\n"
            finally:
                self._open -= 1
                await end(coming)
                await events.aclose()

    async def _events(self, job_id: str) -> AsyncGenerator[bytes, None]:
        for source in self._sources:
            known = False
            async for event in source.of(job_id):
                known = True
                yield content(job_id, event)
            if known:
                return
        async with self._jobs.news(job_id) as news:
            # Read once the news are open: what happens in between is in one of the two, or in both, except events that NATS has passed on
            # and not kept yet, which is sent again or was a final event that its sender still waits for.
            async for data in self._named(job_id, news, _newer(await self._jobs.last_event(job_id), await self._jobs.find_task(job_id))):
                yield data

    async def _named(self, job_id: str, news: News, told: ReportedEvent | NamedTask | None) -> AsyncIterator[bytes]:
        if isinstance(told, ReportedEvent):
            yield told.data
        while told is None or isinstance(told, NamedTask) or not is_final(told.data):
            if isinstance(told, NamedTask):
                async for event in self._tasks.of_task(told.account_id, told.task_id):
                    yield content(job_id, event)
                return
            heard: ReportedEvent | NamedTask
            try:
                async with asyncio.timeout(_SILENT_SECONDS):
                    heard = await news.next()
            except TimeoutError:
                if not self._jobs.is_connected:
                    continue
                kept = _newer(await self._jobs.last_event(job_id), await self._jobs.find_task(job_id))
                if kept is not None and (told is None or kept.order > told.order):
                    heard = kept
                elif told is not None:
                    heard = ReportedEvent(cut_off(told.data), told.order + 1)
                    await self._jobs.publish(job_id, heard)
                else:
                    # Nobody knows the job yet.
                    continue
            if told is None or heard.order > told.order:
                told = heard
                if isinstance(told, ReportedEvent):
                    yield told.data


def _client(identity: Identity | None) -> int:
    """The account that calls, or a number that stands for the address of somebody unknown, below those of accounts."""
    if identity is not None:
        return identity.account_id
    network = network_of(current_client().address or "")
    return -int.from_bytes(hashlib.sha256(network.encode()).digest()[:_ADDRESS_BYTES], "big")


def _newer(told: ReportedEvent | None, named: NamedTask | None) -> ReportedEvent | NamedTask | None:
    return named if named is not None and (told is None or named.order > told.order) else told


async def _next(events: AsyncIterator[bytes]) -> bytes | None:
    return await anext(events, None)
