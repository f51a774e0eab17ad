"""When something that takes memory has not been used for so long that it had better end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Idle:
    """Awaits `on_idle` once no block of `in_use` has run for so many seconds. It may find one that has begun since."""

    def __init__(self, seconds: float, on_idle: Callable[[], Awaitable[None]]) -> None:
        self._seconds, self._on_idle = seconds, on_idle
        self.users = 0
        """Blocks that run."""
        self._used_at = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._telling: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """A block during which it is used."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            self._used_at = asyncio.get_running_loop().time()
            if self._look is None:
                self._look_after(self._seconds)

    def stop(self) -> None:
        """Look no more until it is used again."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_after(self, seconds: float) -> None:
        self._look = asyncio.get_running_loop().call_later(seconds, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        if self.users:
            return
        left = self._used_at + self._seconds - asyncio.get_running_loop().time()
        if left > 0:
            self._look_after(left)
        else:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        await self._on_idle()
