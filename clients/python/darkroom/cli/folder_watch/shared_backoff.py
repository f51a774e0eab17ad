"""A pause for all work together, when what went wrong would go wrong for every file, and passes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable


class SharedBackoff:
    """Pauses that become longer until something works again. `say` shows why it waits, once for each reason."""

    def __init__(self, say: Callable[[str], None], first_seconds: float = 2.0, longest_seconds: float = 60.0) -> None:
        self._say, self._first_seconds, self._longest_seconds = say, first_seconds, longest_seconds
        self._failures, self._until, self._said = 0, 0.0, ""

    async def pause(self) -> None:
        """Wait until work may go on."""
        loop = asyncio.get_running_loop()
        while (left := self._until - loop.time()) > 0:  # noqa: ASYNC110 - it may have become longer meanwhile
            await asyncio.sleep(left)

    def fail(self, why: str, at_least_seconds: float | None = None) -> None:
        """Something failed that may pass: begin a pause, or keep one that has begun."""
        now = asyncio.get_running_loop().time()
        if self._until <= now:
            seconds = min(self._longest_seconds, self._first_seconds * 2.0**self._failures) * random.uniform(0.75, 1.25)
            self._failures += 1
            self._until = now + max(seconds, at_least_seconds or 0)
        if why != self._said:
            self._said = why
            self._say(f"waiting: {why} Nothing is lost; it is tried again, every {self._longest_seconds:.0f} s at the latest.")

    def work(self) -> None:
        """Something worked."""
        if self._said:
            self._say("going on")
        self._failures, self._until, self._said = 0, 0.0, ""
