"""Revoked and refreshed keys: the accounts service announces them, and services close what they hold open for a key or a session. Revoked
workers from other machines are announced in the same way: their ids are unique among those of keys and sessions.

A key or session that is *refreshed* stays valid, but with other permissions. Streams opened with it before end, so that it cannot
be used with what was permitted then; what was opened afterwards goes on. The moment of the last refresh distinguishes them: accounts
reads it together with what is permitted, the identity carries it, and so does the announcement. So no clocks are compared.

An announcement is a core NATS message on `REVOKED_SUBJECT`. accounts repeats it for some minutes. So a subscriber that was disconnected for
a while, or that opened a stream while a cached answer still accepted the key, is notified late rather than never.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg

from services.platform.bus import REVOKED_SUBJECT, Bus
from services.platform.delegation import SECONDS as DELEGATION_SECONDS
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.joining import id_of
from services.platform.log import get_logger

_logger = get_logger()


async def announce_revoked(client: Client, key_ids: Iterable[int]) -> None:
    """Notify every subscriber that the keys are revoked. Returns once the server has the messages; repeating it is harmless.

    Raises nats.errors.Error when the server cannot be reached within two seconds.
    """
    for key_id in key_ids:
        await client.publish(REVOKED_SUBJECT, json.dumps({"key_id": key_id}).encode())
    await client.flush(timeout=2)


async def announce_refreshed(client: Client, refreshed: Mapping[int, int]) -> None:
    """Notify every subscriber that the permissions of keys and sessions changed at a moment, as in `Identity.refreshed`; otherwise like
    `announce_revoked`."""
    for key_id, moment in refreshed.items():
        await client.publish(REVOKED_SUBJECT, json.dumps({"key_id": key_id, "refreshed": moment}).encode())
    await client.flush(timeout=2)


@asynccontextmanager
async def hearing_revoked(bus: Bus, heard: Callable[[int, int | None], None]) -> AsyncIterator[None]:
    """Call `heard(key_id, refreshed)` at each announcement until the block ends. `refreshed` is None for a revocation."""

    async def on_message(message: Msg) -> None:
        try:
            said = json.loads(message.data)
            key_id, refreshed = int(said["key_id"]), said.get("refreshed")
            refreshed = int(refreshed) if refreshed is not None else None
        except (ValueError, KeyError, TypeError):
            _logger.warning("revocation_unreadable", size=len(message.data))
            return
        heard(key_id, refreshed)

    subscription = await bus.client.subscribe(REVOKED_SUBJECT, cb=on_message)
    try:
        yield
    finally:
        if not bus.client.is_closed:
            await subscription.unsubscribe()


class Watcher:
    """Notifies the holder of an open call or stream when it has to end."""

    def __init__(self, refreshed: int) -> None:
        """`refreshed` is that of the caller's identity."""
        self._refreshed = refreshed
        self._ended = asyncio.Event()
        self._error: DarkroomError | None = None

    def notify(self, refreshed: int | None) -> None:
        """Take an announcement about the caller's key or session."""
        if refreshed is None:
            self._error = DarkroomError(ErrorReason.API_KEY_INVALID, "The key was revoked.")
        elif refreshed > self._refreshed and self._error is None:
            self._error = DarkroomError(ErrorReason.UNAVAILABLE, "Your permissions have changed. Call again.")
        if self._error is not None:
            self._ended.set()

    async def wait(self) -> None:
        """Wait until it has to end."""
        await self._ended.wait()

    def check(self) -> None:
        """Raise if it has to end: API_KEY_INVALID when the key is revoked; UNAVAILABLE when it has been refreshed, so that the client calls
        again, with what is permitted now."""
        if self._error is not None:
            raise self._error


class Revocations:
    """Notifies open streams when their key is revoked or refreshed. Used as `async with Revocations(bus) as revocations`."""

    def __init__(self, bus: Bus) -> None:
        self._hearing = hearing_revoked(bus, self._heard)
        self._watchers: dict[int, set[Watcher]] = {}

    async def __aenter__(self) -> Revocations:
        await self._hearing.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._hearing.__aexit__(None, None, None)

    @asynccontextmanager
    async def watching(self, identity: Identity) -> AsyncIterator[Watcher]:
        """Watch the caller's key for the lifetime of one open stream. Key 0 (a service) is never revoked."""
        watcher = Watcher(identity.refreshed)
        watchers = self._watchers.setdefault(identity.key_id, set())
        watchers.add(watcher)
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(identity.key_id, None)

    def _heard(self, key_id: int, refreshed: int | None) -> None:
        for watcher in self._watchers.get(key_id, ()):
            watcher.notify(refreshed)


class RevokedWorkers:
    """Refuses workers from other machines from the moment that their revocation is heard: their delegations would last for minutes. Used as
    `async with RevokedWorkers(bus) as revoked`. The workers are named by their full names."""

    def __init__(self, bus: Bus) -> None:
        self._hearing = hearing_revoked(bus, self._heard)
        self._heard_at: dict[int, float] = {}
        """When each id was last announced, also those of keys."""
        self._open: dict[int, set[Callable[[], None]]] = {}

    async def __aenter__(self) -> RevokedWorkers:
        await self._hearing.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._hearing.__aexit__(None, None, None)

    def check(self, worker: str) -> None:
        """Raise PERMISSION_DENIED for a worker that has been revoked."""
        if id_of(worker) in self._heard_at:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This worker has been revoked. It can join again with a new token.")

    @contextmanager
    def watching(self, worker: str, on_revoked: Callable[[], None]) -> Iterator[None]:
        """Call `on_revoked` at each announcement that a worker has been revoked, until the block ends."""
        watchers = self._open.setdefault(id_of(worker), set())
        watchers.add(on_revoked)
        try:
            yield
        finally:
            watchers.discard(on_revoked)
            if not watchers:
                self._open.pop(id_of(worker), None)

    def _heard(self, key_id: int, refreshed: int | None) -> None:
        if refreshed is not None:
            return
        now = time.monotonic()
        # In the order of their last announcements. No delegation outlives that by so long.
        while self._heard_at and (oldest := next(iter(self._heard_at.items())))[1] < now - DELEGATION_SECONDS:
            del self._heard_at[oldest[0]]
        self._heard_at.pop(key_id, None)
        self._heard_at[key_id] = now
        for notify in tuple(self._open.get(key_id, ())):
            notify()
