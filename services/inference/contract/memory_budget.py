"""How much memory the tasks of a worker may take together."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from services.platform.errors import DarkroomError, ErrorReason

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SHARE = 0.5


class MemoryBudget:
    """Memory that is reserved before it is used, in the order of the requests, so that none waits forever."""

    def __init__(self, total: int) -> None:
        self._total, self._free = total, total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def total(self) -> int:
        """Bytes in total."""
        return self._total

    @property
    def free(self) -> int:
        """Bytes that are not reserved."""
        return self._free

    @asynccontextmanager
    async def reserve(self, size: int, waits: Callable[[], None]) -> AsyncIterator[None]:
        """Reserve `size` bytes for the block. `waits` is called if they are not free yet.

        Raises MEDIA_LIMIT_EXCEEDED at once if that is more than the total.
        """
        if size > self._total:
            raise DarkroomError(
                ErrorReason.MEDIA_LIMIT_EXCEEDED,
                f"The file needs about {_mebibytes(size)} of memory, and a worker has {_mebibytes(self._total)}.",
                allowed=(f"what fits into {_mebibytes(self._total)}",),
            )
        await self._take(size, waits)
        try:
            yield
        finally:
            self._free += size
            self._hand_out()

    async def _take(self, size: int, waits: Callable[[], None]) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        waits()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                # The memory was granted just as the request was cancelled.
                self._free += size
            self._hand_out()
            raise

    def _hand_out(self) -> None:
        while self._waiting and (self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._free):
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)


def default_budget() -> int:
    """Half of the memory that this process may have, in bytes: of the machine's, or of its control group's limit where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # There may be no version 2 control group, or it may contain `max`: no limit of its own.
    with suppress(OSError, ValueError):
        memory = min(memory, int(_CGROUP_LIMIT.read_text()))
    return int(memory * _SHARE)


def _mebibytes(size: int) -> str:
    return f"{-(-size // (1 << 20)):,} MiB"
