"""Calls that are cancelled by a message of their own, as clients of the protocol before 2026 do: it may reach another replica.

The client says in it only the number of its request, so a name is added that this server gives each client at its beginning. It stands
for no state here. A call hears of its end on a subject that its caller, that name and its number make up.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import anyio
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from darkroom.failures import DarkroomFailure
from darkroom.mcp.tool import Answer, Run, Setting
from services.platform.bus import Bus, call_cancel_subject
from services.platform.identity import Identity


class CallCancelled(DarkroomFailure):
    """The client has cancelled the call. It does not wait for the reply."""

    reason = "CANCELLED"


class Cancellations:
    """The cancellations of one client of one caller."""

    def __init__(self, bus: Bus, identity: Identity, client: str) -> None:
        """`client` is the name that the server has given the client."""
        self._bus, self._whose = bus, [identity.account_id, identity.key_id, client]

    async def ask(self, number: object) -> None:
        """Ask whichever replica answers a request to stop. If NATS is away, the call goes on."""
        with suppress(Error):
            await self._bus.client.publish(self._subject(number), b"")

    @asynccontextmanager
    async def heard(self, number: object) -> AsyncIterator[asyncio.Event]:
        """Set when the request is to stop; never, if NATS is away."""
        event = asyncio.Event()

        async def hear(_message: Msg) -> None:
            event.set()

        async with AsyncExitStack() as ending:
            with suppress(Error):
                subscription = await self._bus.client.subscribe(self._subject(number), cb=hear)
                ending.push_async_callback(self._end, subscription)
            yield event

    async def _end(self, subscription: Subscription) -> None:
        if not self._bus.client.is_closed:
            with suppress(Error):
                await subscription.unsubscribe()

    def _subject(self, number: object) -> str:
        return call_cancel_subject(hashlib.sha256(json.dumps([*self._whose, number]).encode()).hexdigest())


def until(stop: asyncio.Event, run: Run) -> Run:
    """The same work, which is cancelled when the event is set. It then raises CallCancelled."""

    async def running(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
        work = asyncio.ensure_future(run(setting, arguments))
        heard = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([work, heard], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise CallCancelled("The call was cancelled.")
            return work.result()
        finally:
            heard.cancel()
            work.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([work])

    return running
