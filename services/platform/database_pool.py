"""The pool of connections to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.queue import Empty

WAIT_SECONDS = 10.0
"""How long a call waits for a connection."""


class KeepingPool(AsyncAdaptedQueuePool):
    """A pool that keeps free connections at hand for statements, all but one, unless somebody waits for the pool itself."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept: list[PoolProxiedConnection] = []
        self._wanted = 0
        self._opening = asyncio.Lock()
        self._unused = 0
        self.unlocking: set[asyncio.Task[None]] = set()
        """Work on connections that no call waits for."""

    def checkedin(self) -> int:
        """Free connections."""
        return super().checkedin() + len(self._kept)

    def checkedout(self) -> int:
        """Busy connections."""
        return super().checkedout() - len(self._kept)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Connections that become free go to the pool while the block runs, since it waits for one there."""
        self._wanted += 1
        try:
            yield
        finally:
            self._wanted -= 1

    async def take(self) -> PoolProxiedConnection:
        """A connection, which must be put back."""
        if (kept := await self._take_kept()) is not None:
            return kept
        # One opens at a time. Connections that become free meanwhile mostly serve the other calls that came at the same time.
        async with asyncio.timeout(WAIT_SECONDS):
            await self._opening.acquire()
        try:
            if (kept := await self._take_kept()) is not None:
                return kept
            with self.waiting():
                return await greenlet_spawn(self.connect)
        finally:
            self._unused = 0
            self._opening.release()

    async def _take_kept(self) -> PoolProxiedConnection | None:
        while self._kept:
            kept = self._kept.pop()
            if kept.driver_connection is not None and not kept.driver_connection.is_closed() and not self._is_old(kept):
                self._unused = min(self._unused, self.checkedin())
                return kept
            kept.invalidate()
            await greenlet_spawn(kept.close)
        return None

    def _is_old(self, connection: PoolProxiedConnection) -> bool:
        """Whether it was made before all connections were given up."""
        record = getattr(connection, "_connection_record", None)
        return record is None or record.starttime < self._invalidate_time

    def give_up(self, connection: PoolProxiedConnection, error: BaseException) -> None:
        """Replace a connection, and all others that were made before now."""
        self._invalidate(connection, error)

    async def put_back(self, connection: PoolProxiedConnection) -> None:
        """Make a connection free, or replace it if it has been invalidated."""
        if connection.is_valid and not self._wanted and len(self._kept) < self.size() - 1:
            self._kept.append(connection)
        else:
            await greenlet_spawn(connection.close)

    async def give_back(self, count: int) -> None:
        """Return up to `count` of the connections at hand to the pool."""
        for _ in range(min(count, len(self._kept))):
            await greenlet_spawn(self._kept.pop(0).close)

    async def close_unused(self) -> None:
        """Close the free connections that no call has needed since the last time, all but one."""
        for _ in range(min(self._unused, self.checkedin() - 1)):
            await self.give_back(1)
            await greenlet_spawn(self._close_one)
        self._unused = self.checkedin()

    def _close_one(self) -> None:
        # As the pool does with one that it has no room for.
        with suppress(Empty):
            record = self._pool.get(block=False)
            try:
                record.close()
            finally:
                self._dec_overflow()
