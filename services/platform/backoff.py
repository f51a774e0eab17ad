"""Retrying after transient failures: the one policy for pauses between attempts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_Result = TypeVar("_Result")
_MOST_DOUBLINGS = 30
"""Bounds the exponent, so that no number of failures overflows it."""

_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""

    first_seconds: float = 0.4
    """Upper bound of the first pause; it doubles with each failure."""
    longest_seconds: float = 3.0
    """Upper bound of every pause."""

    def pause(self, failures: int) -> float:
        """Seconds to wait after this many consecutive failures (at least 1)."""
        bound = self.first_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return random.uniform(0.0, min(self.longest_seconds, bound))


async def retry_unavailable(call: Callable[[], Awaitable[_Result]], seconds: float, backoff: Backoff | None = None) -> _Result:
    """Return what `call` returns. Repeat it while it raises UNAVAILABLE, for up to `seconds` after the first failure; then raise the error.

    A pause is at least as long as the error's `retry_after`. If it would outlast the time left, the error is raised at once.
    """
    backoff = backoff or Backoff()
    loop = asyncio.get_running_loop()
    give_up_at: float | None = None
    failures = 0
    while True:
        try:
            return await call()
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            failures += 1
            give_up_at = loop.time() + seconds if give_up_at is None else give_up_at
            pause = max(backoff.pause(failures), error.retry_after or 0)
            if loop.time() + pause > give_up_at:
                raise
            _logger.warning("retrying", error=error.message, failures=failures, seconds=round(pause, 1))
        await asyncio.sleep(pause)
