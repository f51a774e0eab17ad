"""The objects of a deployment's bucket: out of it, and into one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from deploy.local.errors import StackError
from services.files.config import BucketSettings
from services.files.object_client import store_of
from services.files.objects import ObjectStore
from services.files.presign import Presigner
from services.files.presigners import internal_urls
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError
from services.platform.object_http import Answer, ObjectHttp, ObjectHttpError, object_http
from services.platform.object_refusals import refusal_of

_Result = TypeVar("_Result")
_ATTEMPTS = 5
_BACKOFF = Backoff(first_seconds=0.5)
_IDLE_SECONDS = 60.0
_URL_SECONDS = 3600
_SMALL = 1 << 20
"""Objects up to this size are fetched several at a time."""
_TOGETHER = 16
_REPLY_BYTES = 64 << 10


@dataclass(frozen=True)
class Fetched:
    """An object, whose content is read once."""

    key: str
    size: int
    media_type: str
    pieces: AsyncIterator[bytes]


class Bucket:
    """Raises StackError for a storage that cannot be used."""

    def __init__(self, http: ObjectHttp, urls: Presigner, objects: ObjectStore) -> None:
        self._http, self._urls, self._objects = http, urls, objects

    async def fetch(self, sizes: Iterable[tuple[str, int]]) -> AsyncIterator[Fetched]:
        """The objects with these keys, in that order, without those that are not there. `sizes` are those that are expected."""
        for many in _bunches(iter(sizes)):
            if len(many) == 1:
                found = await self._large(many[0][0])
                if found is not None:
                    yield found
                continue
            for each in await asyncio.gather(*(self._small(key) for key, _ in many)):
                if each is not None:
                    yield each

    async def put(self, key: str, size: int, media_type: str, content: Sequence[bytes] | AsyncIterator[bytes]) -> str:
        """Store an object; returns its ETag. Content that comes piece by piece is sent once only."""
        headers = {"Content-Length": str(size), **({"Content-Type": media_type} if media_type else {})}
        url = self._urls.put(key, _URL_SECONDS, media_type or None)

        async def once() -> str:
            body = b"".join(content) if isinstance(content, Sequence) else content
            async with self._http.request("PUT", url, headers, body) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _refused(key, str(await refusal_of(answer)))
                await answer.read(_REPLY_BYTES)
                return answer.etag or ""

        return await _repeated(key, once, _ATTEMPTS if isinstance(content, Sequence) else 1)

    async def delete(self, keys: Sequence[str]) -> None:
        try:
            await self._objects.delete(keys)
        except DarkroomError as error:
            raise StackError(f"object storage: {error.message}") from error

    async def _small(self, key: str) -> Fetched | None:
        async def once() -> Fetched | None:
            async with self._get(key) as answer:
                if answer is None:
                    return None
                size = _size(answer)
                content = await answer.read(size)
                if len(content) != size:
                    raise ObjectHttpError(f"{len(content)} of {size} bytes")
                return Fetched(key, size, answer.headers.get("Content-Type", ""), _one(content))

        return await _repeated(key, once)

    async def _large(self, key: str) -> Fetched | None:
        async def looked() -> Fetched | None:
            async with self._http.request("HEAD", self._urls.head(key, _URL_SECONDS)) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    return None
                if answer.status != HTTPStatus.OK:
                    raise _refused(key, str(answer.status))
                size = _size(answer)
                return Fetched(key, size, answer.headers.get("Content-Type", ""), self._pieces(key, size))

        return await _repeated(key, looked)

    async def _pieces(self, key: str, size: int) -> AsyncIterator[bytes]:
        """The content, block by block, each of which is asked for again if it does not come."""
        for start in range(0, size, _SMALL * _TOGETHER):
            yield await _repeated(key, partial(self._block, key, start, min(_SMALL * _TOGETHER, size - start)))

    async def _block(self, key: str, start: int, length: int) -> bytes:
        async with self._get(key, {"Range": f"bytes={start}-{start + length - 1}"}) as answer:
            content = b"" if answer is None else await answer.read(length)
        if len(content) != length:
            raise ObjectHttpError(f"{len(content)} of {length} bytes from byte {start} on")
        return content

    @asynccontextmanager
    async def _get(self, key: str, headers: dict[str, str] | None = None) -> AsyncIterator[Answer | None]:
        async with self._http.request("GET", self._urls.get(key, _URL_SECONDS), headers) as answer:
            if answer.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_FOUND):
                raise _refused(key, str(await refusal_of(answer)))
            yield answer if answer.status != HTTPStatus.NOT_FOUND else None


@asynccontextmanager
async def open_bucket(settings: BucketSettings) -> AsyncIterator[Bucket]:
    async with object_http(settings.s3_authorities, _IDLE_SECONDS) as http, store_of(settings) as objects:
        try:
            await objects.reach()
        except DarkroomError as error:
            raise StackError(f"the bucket {settings.s3_bucket} at {settings.s3_endpoint} cannot be used: {error.message}") from error
        yield Bucket(http, internal_urls(settings), objects)


async def _repeated(key: str, request: Callable[[], Awaitable[_Result]], attempts: int = _ATTEMPTS) -> _Result:
    for failures in range(1, attempts + 1):
        try:
            return await request()
        except ObjectHttpError as error:
            if failures == attempts:
                raise StackError(f"object storage: {key}: {error}") from error
        await asyncio.sleep(_BACKOFF.pause(failures))
    raise AssertionError


def _refused(key: str, answer: str) -> ObjectHttpError:
    return ObjectHttpError(f"the storage answers {answer} for {key}")


def _size(answer: Answer) -> int:
    return int(answer.headers.get("Content-Length", "0"))


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _bunches(sizes: Iterator[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """Small objects many at a time, each large one by itself."""
    small: list[tuple[str, int]] = []
    for one in sizes:
        if one[1] > _SMALL:
            yield [one]
            continue
        small.append(one)
        if len(small) == _TOGETHER:
            yield small
            small = []
    if small:
        yield small
