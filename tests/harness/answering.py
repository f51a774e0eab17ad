"""Object storage whose answers a test makes up, since no real server gives them on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from inspect import isawaitable

import httpx

from services.platform.object_http import Answer, ObjectHttp, ObjectHttpError

_PIECE = 64 << 10
Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


class Answering(ObjectHttp):
    """Answers each request with what `answer` returns, and fails like a transport where it raises an httpx.TransportError."""

    def __init__(self, answer: Handler) -> None:
        self._answer = answer

    @asynccontextmanager
    async def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | AsyncIterator[bytes] | None = None
    ) -> AsyncIterator[Answer]:
        request = httpx.Request(method, url, headers=headers, content=content)
        await request.aread()
        try:
            answered = self._answer(request)
            response = await answered if isawaitable(answered) else answered
            yield Answer(response.status_code, response.headers, _pieces(await response.aread()))
        except httpx.TransportError as error:
            raise ObjectHttpError(repr(error)) from error


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]
