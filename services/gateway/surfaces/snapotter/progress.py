"""Streams of jobs' events, as Server-Sent Events: of those that clients have named themselves, and of those that have a task's id.

A stream may be opened before its job exists, and at any replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.common.identity import Identity
from services.common.process import end
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.events import content, cut_off, is_final
from services.gateway.surfaces.snapotter.jobs import BEAT_SECONDS, Jobs, News, Told
from services.gateway.surfaces.snapotter.paths import raw_path
from services.gateway.surfaces.snapotter.task_events import TaskEvents

_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
_COMMENT = b":\n\n"
_BUSY_SECONDS = 5
_SILENT_SECONDS = 3 * BEAT_SECONDS
"""After which a job that has not ended has lost its server."""


class Progress:
    """Follows jobs."""

    def __init__(self, jobs: Jobs, tasks: TaskEvents, heartbeat_seconds: float, most: int) -> None:
        """At most `most` streams are open at the same time."""
        self._jobs, self._tasks, self._heartbeat, self._most = jobs, tasks, heartbeat_seconds, most
        self._open = 0

    async def watch(self, request: Request, identity: Identity | None) -> Response:
        """The events of a job, from the last one on, up to its final one. The headers go out at once, also for a job that nobody knows."""
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        if self._open >= self._most:
            raise Refusal(503, "Too many streams are open. Try again later.", retry_after=_BUSY_SECONDS)
        job_id = unquote(raw_path(request).removeprefix("/api/v1/jobs/").removesuffix("/progress"), errors="replace")
        return StreamingResponse(self._chunks(job_id), headers=_HEADERS)

    async def _chunks(self, job_id: str) -> AsyncIterator[bytes]:
        """Each event once, and a comment whenever there is none for a while."""
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
        known = False
        async for event in self._tasks.of(job_id):
            known = True
            yield content(job_id, event)
        if not known:
            async with self._jobs.news(job_id) as news:
                # Read once the news are open: what happens in between is in one of the two, or in both.
                async for data in self._named(job_id, news, await self._jobs.kept(job_id)):
                    yield data

    async def _named(self, job_id: str, news: News, told: Told | None) -> AsyncIterator[bytes]:
        if told is not None:
            yield told.data
        while told is None or not is_final(told.data):
            try:
                async with asyncio.timeout(None if told is None else _SILENT_SECONDS):
                    heard = await news.next()
            except TimeoutError:
                assert told is not None
                if not self._jobs.connected:
                    continue
                kept = await self._jobs.kept(job_id)
                heard = kept if kept is not None and kept.order > told.order else Told(cut_off(told.data), told.order + 1)
                if heard is not kept:
                    await self._jobs.publish(job_id, heard)
            # One without an order is of the previous version, which repeats nothing.
            if told is None or not heard.order or heard.order > told.order:
                told = heard
                yield told.data


async def _next(events: AsyncIterator[bytes]) -> bytes | None:
    return await anext(events, None)
