"""How far jobs are, as Server-Sent Events: those that clients have named themselves (`clientJobId`), and those that have a task's id.

What was told last of a named job is kept in NATS for two minutes, so that any replica can tell it to whoever comes later, and a stream may
be opened before the job exists.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from urllib.parse import unquote

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.common.bus import PROGRESS_STREAM, Bus, progress_subject
from services.common.identity import Identity
from services.common.log import get_logger
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.paths import raw_path

_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
_COMMENT = b":\n\n"
_FINAL = ("complete", "completed", "failed")
_LONGEST_EVENT = 256 << 10
_BUSY_SECONDS = 5
Ended = Callable[[str], Awaitable[Mapping[str, object] | None]]
_logger = get_logger()


class Progress:
    """Tells of named jobs, and follows them."""

    def __init__(self, bus: Bus, heartbeat_seconds: float, most: int, ended: Ended) -> None:
        """At most `most` streams are open at the same time. `ended` finds the final event of a job that has the id of a task."""
        self._bus, self._heartbeat, self._most, self._ended = bus, heartbeat_seconds, most, ended
        self._open = 0

    async def began(self, job_id: str) -> None:
        """Tell that a job is under way. An empty name tells nobody anything, here and below."""
        await self._tell(job_id, {"phase": "processing", "percent": 0})

    async def completed(self, job_id: str, result: Mapping[str, object]) -> None:
        """Tell that a job has its result."""
        await self._tell(job_id, complete(result))

    async def failed(self, job_id: str, error: str) -> None:
        """Tell that a job has none."""
        await self._tell(job_id, failed(error))

    async def watch(self, request: Request, identity: Identity | None) -> Response:
        """The events of a job, from the last one on, up to its final one. The headers go out at once, also for a job that nobody knows."""
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        if self._open >= self._most:
            raise Refusal(503, "Too many streams are open. Try again later.", retry_after=_BUSY_SECONDS)
        job_id = unquote(raw_path(request).removeprefix("/api/v1/jobs/").removesuffix("/progress"), errors="replace")
        return StreamingResponse(self._chunks(job_id), headers=_HEADERS)

    async def _tell(self, job_id: str, event: Mapping[str, object]) -> None:
        if not job_id:
            return
        content = _content(job_id, event)
        if len(content) > _LONGEST_EVENT:
            _logger.warning("progress_too_long", size=len(content))
            return
        try:
            await self._bus.client.publish(_subject(job_id), content)
        except nats.errors.Error as error:
            # The job itself goes on.
            _logger.warning("progress_not_told", error=str(error))

    async def _chunks(self, job_id: str) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for chunk in self._followed(job_id):
                yield chunk
        finally:
            self._open -= 1

    async def _followed(self, job_id: str) -> AsyncIterator[bytes]:
        yield _COMMENT
        final = await self._ended(job_id)
        if final is not None:
            yield _event(_content(job_id, final))
            return
        news: asyncio.Queue[bytes] = asyncio.Queue()

        async def heard(message: Msg) -> None:
            news.put_nowait(message.data)

        # Subscribed before what is kept is read: what happens in between is in one of the two, or in both.
        subscription = await self._bus.client.subscribe(_subject(job_id), cb=heard)
        try:
            told = await self._kept(job_id)
            if told:
                yield _event(told)
                if _is_final(told):
                    return
            while True:
                try:
                    async with asyncio.timeout(self._heartbeat):
                        data = await news.get()
                except TimeoutError:
                    yield _COMMENT
                    continue
                if data != told:
                    yield _event(data)
                if _is_final(data):
                    return
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _kept(self, job_id: str) -> bytes:
        try:
            message = await self._bus.jetstream.get_last_msg(PROGRESS_STREAM, _subject(job_id))
        except nats.js.errors.NotFoundError:
            return b""
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            _logger.warning("progress_not_read", error=str(error))
            return b""
        return message.data or b""


def complete(result: Mapping[str, object]) -> Mapping[str, object]:
    """The final event of a job with a result."""
    return {"phase": "complete", "percent": 100, "result": result}


def failed(error: str) -> Mapping[str, object]:
    """The final event of a job without one."""
    return {"phase": "failed", "percent": 100, "error": error}


def _content(job_id: str, event: Mapping[str, object]) -> bytes:
    return json.dumps({"jobId": job_id, "type": "single", **event}, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _subject(job_id: str) -> str:
    return progress_subject(hashlib.sha256(job_id.encode(errors="replace")).hexdigest())


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _is_final(data: bytes) -> bool:
    event = json.loads(data)
    return event.get("phase", event.get("status")) in _FINAL
