"""Open calls that replicas tell each other."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.open_call_counts import OpenCallCounts
from services.platform.rpc.open_calls import OpenCalls

ACCOUNT, OTHER = 3, 4


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


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def pair(wire: Wire) -> tuple[Replica, Replica]:
    return await Replica(wire).started(), await Replica(wire).started()


async def test_an_account_s_limit_is_for_all_replicas_together(pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    for replica in (first, second, first):
        await replica.open()
    assert [replica.calls.of(ACCOUNT) for replica in pair] == [3, 3]
    assert await first.refuses()
    assert await second.refuses()
    assert not await second.refuses(OTHER)
    await first.close_all()
    assert [replica.calls.of(ACCOUNT) for replica in pair] == [1, 1]
    assert not await second.refuses()


async def test_a_replica_that_dies_gives_its_calls_back(wire: Wire, pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    for _ in range(3):
        await first.open()
    for _ in range(5):
        wire.now += 2
        await first.counts.step()
        assert await second.refuses(), "as long as it lives"
    wire.now += 6
    await second.counts.step()
    assert await second.refuses()
    wire.now += 1.1
    assert not await second.refuses()


async def test_one_that_ends_in_good_order_gives_them_back_at_once(pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    for _ in range(3):
        await first.open()
    await first.life.aclose()
    assert not await second.refuses()


async def test_one_that_comes_later_or_missed_something_learns_all_within_two_seconds(wire: Wire, pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    wire.cut = True
    await first.open()
    await first.open(OTHER)
    await second.open()
    wire.cut = False
    third = await Replica(wire).started()
    assert [replica.calls.of(ACCOUNT) for replica in (first, second, third)] == [1, 1, 0]
    wire.now += 2
    for replica in pair:
        await replica.counts.step()
    assert [replica.calls.of(ACCOUNT) for replica in (first, second, third)] == [2, 2, 2]
    wire.cut = True
    await first.close_all()
    await first.open(OTHER)
    wire.cut = False
    wire.now += 2
    await first.counts.step()
    assert [second.calls.of(account_id) for account_id in (ACCOUNT, OTHER)] == [1, 1]


async def test_nothing_is_said_while_nothing_is_open_and_the_rest_is_ignored(wire: Wire, pair: tuple[Replica, Replica]) -> None:
    for _ in range(10):
        wire.now += 2
        await pair[0].counts.step()
    assert wire.sent == 0
    for unreadable in (b"", b"[]", b'{"replica": "x"}', b'{"replica": "x", "complete": true, "open": {"a": 1}}', b'{"open": 3}'):
        await wire.client.publish("", unreadable)
    assert pair[0].calls.of(ACCOUNT) == 0
