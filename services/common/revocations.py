"""Revoked API keys: the accounts service announces them, and services close what they hold open for a key.

An announcement is a core NATS message on `REVOKED_SUBJECT`. accounts repeats it for some minutes after a revocation. So a subscriber
that was disconnected for a while, or that opened a stream while a cached answer still accepted the key, is told late rather than never.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg

from services.common.bus import REVOKED_SUBJECT, Bus
from services.common.log import get_logger

_logger = get_logger()


async def announce_revoked(client: Client, key_ids: Iterable[int]) -> None:
    """Tell every subscriber that the keys are revoked. Returns once the server has the messages; repeating it is harmless.

    Raises nats.errors.Error when the server cannot be reached within two seconds.
    """
    for key_id in key_ids:
        await client.publish(REVOKED_SUBJECT, json.dumps({"key_id": key_id}).encode())
    await client.flush(timeout=2)


@asynccontextmanager
async def hearing_revoked(bus: Bus, heard: Callable[[int], None]) -> AsyncIterator[None]:
    """Call `heard(key_id)` at each announcement until the block ends."""

    async def received(message: Msg) -> None:
        try:
            key_id = int(json.loads(message.data)["key_id"])
        except (ValueError, KeyError, TypeError):
            _logger.warning("revocation_unreadable", size=len(message.data))
            return
        heard(key_id)

    subscription = await bus.client.subscribe(REVOKED_SUBJECT, cb=received)
    try:
        yield
    finally:
        if not bus.client.is_closed:
            await subscription.unsubscribe()


class Revocations:
    """Signals open streams when their key is revoked. Used as `async with Revocations(bus) as revocations`."""

    def __init__(self, bus: Bus) -> None:
        self._hearing = hearing_revoked(bus, self._revoked)
        self._watchers: dict[int, set[asyncio.Event]] = {}

    async def __aenter__(self) -> Revocations:
        await self._hearing.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._hearing.__aexit__(None, None, None)

    @asynccontextmanager
    async def watching(self, key_id: int) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the key is revoked, for the lifetime of one open stream. Key 0 (a service) is never revoked."""
        revoked = asyncio.Event()
        watchers = self._watchers.setdefault(key_id, set())
        watchers.add(revoked)
        try:
            yield revoked
        finally:
            watchers.discard(revoked)
            if not watchers:
                self._watchers.pop(key_id, None)

    def _revoked(self, key_id: int) -> None:
        for revoked in self._watchers.get(key_id, ()):
            revoked.set()
