"""Going on once a part of the platform is back, without giving the attempt up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.common.errors import DarkroomError, ErrorReason
from services.common.log import get_logger

_Result = TypeVar("_Result")
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0

_logger = get_logger()


async def outlast(call: Callable[[], Awaitable[_Result]], seconds: float) -> _Result:
    """What `call` returns, repeated while it raises UNAVAILABLE: until `seconds` have passed since the first failure, then that is raised.

    The pauses grow, with jitter, and are as long as the error's `retry_after` at least; one beyond the time left is not waited for.
    """
    loop = asyncio.get_running_loop()
    give_up_at: float | None = None
    pause = _FIRST_PAUSE
    while True:
        try:
            return await call()
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            give_up_at = loop.time() + seconds if give_up_at is None else give_up_at
            wait = max(pause * random.uniform(0.5, 1.0), error.retry_after or 0)
            if loop.time() + wait > give_up_at:
                raise
            _logger.warning("waited_for", error=error.message, seconds=round(wait, 1))
        await asyncio.sleep(wait)
        pause = min(_LONGEST_PAUSE, pause * 2)
