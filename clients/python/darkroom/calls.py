"""Calls to the server: metadata, timeouts, and retries."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import grpc

from darkroom.backoff import Backoff, Retries
from darkroom.connection import Server
from darkroom.failures import ConnectionFailed, DarkroomFailure, RateLimited, TooManyTasks, from_rpc

Reply = TypeVar("Reply")
Item = TypeVar("Item")
CALL_SECONDS = 60.0


class Call(Protocol):
    """The signature of `Calls.call`, through which every part of a client makes its calls."""

    async def __call__(
        self,
        method: Callable[..., Awaitable[Reply]],
        request: object,
        *,
        idempotency_key: str | None = None,
        timeout: float = CALL_SECONDS,
    ) -> Reply:
        """Returns the reply."""


class Calls:
    """Makes calls over one channel."""

    def __init__(self, server: Server, backoff: Backoff) -> None:
        self.server, self.backoff = server, backoff
        self.channel = server.channel()
        self._answered = False

    async def call(
        self,
        method: Callable[..., Awaitable[Reply]],
        request: object,
        *,
        idempotency_key: str | None = None,
        timeout: float = CALL_SECONDS,
    ) -> Reply:
        """Make a call, and repeat it while the server cannot be reached or asks for time. Give a call that must not happen twice an
        idempotency key, so that the server recognises a repeat."""
        metadata = self.server.metadata if idempotency_key is None else (*self.server.metadata, ("idempotency-key", idempotency_key))
        retries = Retries(self.backoff)
        while True:
            try:
                reply = await method(request, metadata=metadata, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                self._answered |= type(failure) is not ConnectionFailed
                if not may_pass(failure):
                    raise failure from error
                await retries.wait(failure, error, answered=self._answered)
            else:
                self._answered = True
                return reply


def may_pass(failure: DarkroomFailure) -> bool:
    """Whether the same call is likely to succeed soon.

    TOO_MANY_TASKS may last for hours, so the caller decides what to do about it.
    """
    if isinstance(failure, RateLimited):
        return failure.retry_after is not None and not isinstance(failure, TooManyTasks)
    return failure.reason == "IDEMPOTENCY_IN_PROGRESS" or isinstance(failure, ConnectionFailed)


def new_key() -> str:
    """A new, unused idempotency key."""
    return str(uuid.uuid4())


async def pages(
    call: Call,
    method: Callable[..., Awaitable[Any]],
    request: Any,
    items: str,
    limit: int | None = None,
) -> AsyncIterator[Any]:
    """The items of a paginated method, all or up to `limit`, fetched page by page as needed. `items` names the field that holds them."""
    largest = request.page_size
    left = limit
    while left is None or left > 0:
        if left is not None:
            request.page_size = min(largest, left)
        page = await call(method, request)
        for item in getattr(page, items):
            yield item
        if left is not None:
            left -= len(getattr(page, items))
        request.page_token = page.next_page_token
        if not request.page_token:
            return
