"""The reasons for which a stream ends early: its key is revoked or refreshed, or the process stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.revocations import Revocations, Watcher


@asynccontextmanager
async def interruptible(
    revocations: Revocations, identity: Identity, stopping: asyncio.Event, wake: Callable[[], None]
) -> AsyncIterator[Watcher]:
    """Call `wake` inside the block when the caller's key is revoked or refreshed, which the watcher reports, or this process stops."""
    async with revocations.watching(identity) as watcher:
        interruptions = [asyncio.ensure_future(event.wait()) for event in (watcher, stopping)]
        for interruption in interruptions:
            interruption.add_done_callback(lambda _: wake())
        try:
            yield watcher
        finally:
            for interruption in interruptions:
                interruption.cancel()


def shutdown_error() -> DarkroomError:
    """The last message of a stream when this process stops."""
    return DarkroomError(ErrorReason.UNAVAILABLE, "The service is restarting. Resume after the last event you received.")
