"""A client at one edge, which goes on through a fault as the client library does by itself."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass

from PIL import Image

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2, resize_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import Account

_NOTHING = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1, step_milliseconds=1))
_WIDTH = 40
_SMALL = operation_pb2.Operation(resize=resize_pb2.Resize(width=_WIDTH))
_ROUND_SECONDS = 120
_PAUSE_SECONDS = 0.2
_PICTURES = 3
"""Every so many rounds are with a picture."""


@dataclass
class Probe:
    """Creates and reads at an edge, and every few rounds has a picture made smaller and downloads it. Whatever fails, fails the test."""

    url: str
    account: Account
    picture: bytes
    rounds: int = 0
    longest: float = 0.0
    """Seconds that the slowest round has taken."""

    async def go_on(self, rounds: int) -> None:
        """So many rounds more, one after the other."""
        async with AsyncClient(self.url, self.account.api_key) as client:
            for _ in range(rounds):
                before = time.monotonic()
                async with asyncio.timeout(_ROUND_SECONDS):
                    await (self._picture(client) if self.rounds % _PICTURES == 0 else self._call(client))
                self.rounds += 1
                self.longest = max(self.longest, time.monotonic() - before)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def go_on_until(self, stop: asyncio.Event) -> None:
        """Round after round until told to stop."""
        while not stop.is_set():
            await self.go_on(1)

    @staticmethod
    async def _call(client: AsyncClient) -> None:
        made = await client.create_task([], [_NOTHING])
        assert (await client.get_task(made.id)).id == made.id

    async def _picture(self, client: AsyncClient) -> None:
        file = await client.upload(self.picture, name="picture.png")
        made = await client.wait((await client.create_task([file.id], [_SMALL])).id)
        assert made.state == task_pb2.TASK_STATE_SUCCEEDED, made
        with Image.open(io.BytesIO(await client.read(made.output_file_ids[0]))) as small:
            assert small.width == _WIDTH
