"""How long it takes after a fault until a client's task is done again."""

from __future__ import annotations

import asyncio
import time

from darkroom import AsyncClient, DarkroomFailure
from darkroom.backoff import Backoff
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import Account

_NOTHING = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1, step_milliseconds=1))
_LONGEST_SECONDS = 120.0


class Recovery:
    """Measures it, as `times`: the seconds, with the fault. What takes longer than two minutes ends the run."""

    def __init__(self, url: str, account: Account) -> None:
        self._url, self._account = url, account
        self.times: list[tuple[float, str]] = []

    async def measure(self, fault: str) -> None:
        """Until a task that is created now, or as soon as one can be, has succeeded."""
        start = time.monotonic()
        async with asyncio.timeout(_LONGEST_SECONDS):
            while not await self._works():
                await asyncio.sleep(0.1)
        self.times.append((time.monotonic() - start, fault))

    async def _works(self) -> bool:
        try:
            async with AsyncClient(self._url, self._account.api_key, backoff=Backoff(attempts=1)) as client:
                made = await client.create_task([], [_NOTHING])
                ended = await client.get_task(made.id, wait_seconds=10)
        except (DarkroomFailure, OSError):
            return False
        return ended.state == task_pb2.TASK_STATE_SUCCEEDED
