"""Replicas that tell each other of open calls, without NATS."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.open_call_counts import OpenCallCounts
from services.platform.rpc.open_calls import OpenCalls

ACCOUNT = 3


class Wire:
    """What joins the replicas, and their clock. A message is there at once, unless it is `cut`."""

    def __init__(self) -> None:
        self.now, self.cut, self.sent = 100.0, False, 0
        self._listeners: list[Any] = []
        self.client = SimpleNamespace(is_closed=False, is_connected=True, subscribe=self._subscribe, publish=self._publish)

    async def _subscribe(self, _subject: str, cb: Any) -> Any:
        self._listeners.append(cb)

        async def unsubscribe() -> None:
            self._listeners.remove(cb)

        return SimpleNamespace(unsubscribe=unsubscribe)

    async def _publish(self, _subject: str, data: bytes) -> None:
        self.sent += 1
        for listener in () if self.cut else tuple(self._listeners):
            await listener(SimpleNamespace(data=data))


class Replica:
    """One that lets an account have `most` calls open."""

    def __init__(self, wire: Wire, most: int = 3) -> None:
        self.calls = OpenCalls(most)
        self.counts = OpenCallCounts(cast("Bus", wire), "tasks", self.calls, lambda: wire.now)
        self.life, self._open = AsyncExitStack(), AsyncExitStack()

    async def started(self) -> Replica:
        await self.life.enter_async_context(self.counts.sharing())
        return self

    async def open(self, account_id: int = ACCOUNT) -> None:
        self._open.enter_context(self.calls.one(account_id))
        await self.counts.step()

    async def close_all(self) -> None:
        await self._open.aclose()
        await self.counts.step()

    async def refuses(self, account_id: int = ACCOUNT) -> bool:
        try:
            await self.open(account_id)
        except DarkroomError as error:
            assert error.reason is ErrorReason.TOO_MANY_STREAMS
            return True
        return False
