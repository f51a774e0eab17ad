"""Open calls that replicas tell each other."""

from __future__ import annotations

import pytest

from tests.harness.open_calls import ACCOUNT, Replica, Wire

OTHER = 4


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
