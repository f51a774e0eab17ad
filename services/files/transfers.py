"""Bytes of objects that the service itself reads and writes, through internal presigned URLs: the S3 client takes four times as long."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from services.files.metrics import REQUESTS
from services.files.presign import Presigner
from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_http import ONLY_IF_ABSENT, Answer, ObjectHttp, ObjectHttpError
from services.platform.object_refusals import refusal_of

_Result = TypeVar("_Result")
_PATIENCE_SECONDS = 2.0
_REPLY_BYTES = 64 << 10
_SIZE = re.compile(r"bytes 0-\d+/(\d+)")
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Beginning:
    """An object as it was when its first bytes were read."""

    size_bytes: int
    etag: str
    """With quotes."""
    head: bytes
    """Its first bytes, or all."""


class Transfers:
    """One bucket. Every method raises UNAVAILABLE when the storage fails."""

    def __init__(self, http: ObjectHttp, internal_urls: Presigner, url_seconds: int, conditional_puts: bool | None = None) -> None:
        self._http, self._urls, self._seconds = http, internal_urls, url_seconds
        self._only_if_absent = conditional_puts

    @property
    def only_if_absent(self) -> bool:
        """Whether the storage is known to keep an object that is there from a PUT with `ONLY_IF_ABSENT`."""
        return bool(self._only_if_absent)

    async def try_out(self, new_key: Callable[[], str]) -> None:
        """Find out what the storage can do, if that is not known. It takes an object, which is deleted."""
        if self._only_if_absent is None:
            self._only_if_absent = await self._repeated("PutObject", lambda: self._keeps_what_is_there(new_key()))
            _logger.info("storage_tried", conditional_puts=self._only_if_absent)

    async def beginning(self, key: str, length: int) -> Beginning | None:
        """The object with its first `length` bytes; None if there is none."""
        return await self._repeated("GetObject", partial(self._beginning, key, length))

    async def store(self, key: str, content: bytes, media_type: str) -> str:
        """Store an object at a name that has none; returns its ETag, with quotes."""
        return await self._repeated("PutObject", partial(self._store, key, content, media_type))

    def storing(self, key: str, content: bytes, media_type: str) -> asyncio.Task[str]:
        """Begin with `store`. The caller may leave its result, or its failure, to itself."""
        task = asyncio.create_task(self.store(key, content, media_type))
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return task

    async def delete(self, key: str) -> None:
        """Delete an object, which may be absent."""
        await self._repeated("DeleteObject", partial(self._delete, key))

    async def look(self, key: str) -> Beginning | None:
        """Size and ETag of an object, without its bytes; None if there is none."""
        return await self._repeated("HeadObject", partial(self._look, key))

    async def _beginning(self, key: str, length: int) -> Beginning | None:
        async with self._http.request("GET", self._urls.get(key, self._seconds), {"Range": f"bytes=0-{length - 1}"}) as answer:
            match answer.status:
                case HTTPStatus.NOT_FOUND:
                    return None
                case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    # An empty object has no first byte.
                    return await self._look(key)
                case HTTPStatus.OK | HTTPStatus.PARTIAL_CONTENT:
                    # Some servers answer a range with 200 and Content-Range, others with 200 and the whole.
                    span = _SIZE.fullmatch(answer.headers.get("Content-Range", ""))
                    size = int(span[1] if span is not None else answer.headers.get("Content-Length", ""))
                    head = (await answer.read(length))[:length]
                    if len(head) != min(length, size):
                        raise ObjectHttpError(f"{len(head)} of {min(length, size)} bytes")
                    return Beginning(size, _etag(answer), head)
            raise _Refused(await refusal_of(answer))

    async def _store(self, key: str, content: bytes, media_type: str) -> str:
        headers = {"Content-Type": media_type} | (ONLY_IF_ABSENT if self.only_if_absent else {})
        async with self._http.request("PUT", self._urls.put(key, self._seconds, media_type), headers, content) as answer:
            if answer.status == HTTPStatus.OK:
                await answer.read(_REPLY_BYTES)
                return _etag(answer)
            refusal = await refusal_of(answer)
        # Nobody else writes there: the answer to an earlier attempt was lost.
        stored = await self._look(key) if self.only_if_absent and refusal.status == HTTPStatus.PRECONDITION_FAILED else None
        if stored is None:
            raise _Refused(refusal)
        return stored.etag

    async def _keeps_what_is_there(self, key: str) -> bool:
        """Whether a second PUT of an object is refused. Some storage ignores the header, some refuses any PUT that has it."""
        url = self._urls.put(key, self._seconds)
        try:
            for expected in (HTTPStatus.OK, HTTPStatus.PRECONDITION_FAILED):
                async with self._http.request("PUT", url, ONLY_IF_ABSENT, b"x") as answer:
                    if answer.status == expected:
                        await answer.read(_REPLY_BYTES)
                        continue
                    refusal = await refusal_of(answer)
                if refusal.passes or refusal.status == HTTPStatus.FORBIDDEN:
                    raise _Refused(refusal)
                return False
            return True
        finally:
            await self._delete(key)

    async def _delete(self, key: str) -> None:
        async with self._http.request("DELETE", self._urls.delete(key, self._seconds)) as answer:
            if answer.status not in (HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
                raise _Refused(await refusal_of(answer))
            await answer.read(_REPLY_BYTES)

    async def _look(self, key: str) -> Beginning | None:
        async with self._http.request("HEAD", self._urls.head(key, self._seconds)) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            if answer.status != HTTPStatus.OK:
                raise _Refused(await refusal_of(answer))
            return Beginning(int(answer.headers.get("Content-Length", "")), _etag(answer), b"")

    async def _repeated(self, operation: str, request: Callable[[], Awaitable[_Result]]) -> _Result:
        async def once() -> _Result:
            with _reaching(operation):
                return await request()

        return await retry_unavailable(once, _PATIENCE_SECONDS)


class _Refused(Exception):
    """An answer that is no good."""


def _etag(answer: Answer) -> str:
    if not answer.etag:
        raise _Refused("no ETag")
    return answer.etag


@contextmanager
def _reaching(operation: str) -> Iterator[None]:
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "ok"
    except (ObjectHttpError, _Refused, ValueError) as error:
        _logger.warning("storage_failed", operation=operation, error=str(error))
        raise DarkroomError(ErrorReason.UNAVAILABLE, "Storage cannot be reached. Try again later.") from error
    finally:
        REQUESTS.labels(operation, outcome).observe(time.perf_counter() - started)
