"""Calls to the server: metadata, time limits, and what is repeated when."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import grpc

from darkroom.connection import Server
from darkroom.failures import ConnectionFailed, DarkroomFailure, RateLimited, TooManyTasks, from_rpc

Reply = TypeVar("Reply")
Item = TypeVar("Item")
CALL_SECONDS = 60.0


@dataclass(frozen=True)
class Backoff:
    """How often something that failed on the way is tried, and how long to wait in between."""

    attempts: int = 9
    """With the pauses below this outlasts the restart of a part of the server: about 45 s."""
    attempts_unanswered: int = 5
    """As long as the server has never answered this client: a wrong URL is told after 3 s."""
    first_seconds: float = 0.2
    longest_seconds: float = 20.0
    patience_seconds: float = 120.0
    """A server that asks for a longer wait than this is not waited for."""

    def pause(self, failures: int, retry_after: float | None = None, *, answered: bool = True) -> float | None:
        """Seconds to wait after so many failures in a row, doubling, a quarter more or less, and never less than the server asks for;
        None to give up."""
        attempts = self.attempts if answered else min(self.attempts, self.attempts_unanswered)
        if failures >= attempts or (retry_after or 0) > self.patience_seconds:
            return None
        pause = min(self.longest_seconds, self.first_seconds * 2.0 ** (failures - 1)) * random.uniform(0.75, 1.25)
        return max(pause, retry_after or 0)


class Call(Protocol):
    """The shape of `Calls.call`, which the parts of a client make their calls by."""

    async def __call__(
        self,
        method: Callable[..., Awaitable[Reply]],
        request: object,
        *,
        idempotency_key: str | None = None,
        timeout: float = CALL_SECONDS,
    ) -> Reply:
        """The reply."""


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
        """Call, and call again while the server cannot be reached or asks for patience. A call that must not happen twice has a key, by
        which the server knows it again."""
        metadata = self.server.metadata if idempotency_key is None else (*self.server.metadata, ("idempotency-key", idempotency_key))
        failures = 0
        while True:
            try:
                reply = await method(request, metadata=metadata, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                failures += 1
                failure = from_rpc(error)
                self._answered |= type(failure) is not ConnectionFailed
                pause = self.backoff.pause(failures, failure.retry_after, answered=self._answered) if may_pass(failure) else None
                if pause is None:
                    raise failure from error
            else:
                self._answered = True
                return reply
            await asyncio.sleep(pause)


def may_pass(failure: DarkroomFailure) -> bool:
    """Whether the same call may well succeed in a moment.

    The end of TOO_MANY_TASKS may be hours away, so what to do about it is the caller's choice.
    """
    if isinstance(failure, RateLimited):
        return failure.retry_after is not None and not isinstance(failure, TooManyTasks)
    return failure.reason == "IDEMPOTENCY_IN_PROGRESS" or isinstance(failure, ConnectionFailed)


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return str(uuid.uuid4())


async def pages(
    call: Call,
    method: Callable[..., Awaitable[Any]],
    request: Any,
    items: str,
    limit: int | None = None,
) -> AsyncIterator[Any]:
    """The items of a paginated method, up to `limit` or all, page by page as they are asked for. `items` is the field that holds them."""
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
