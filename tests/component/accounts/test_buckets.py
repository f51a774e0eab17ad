"""Shared token buckets in a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.accounts.domain.rate_limits import RateLimited, RateLimits
from services.accounts.domain.rate_rules import RateRules
from services.accounts.records import Borrowing, BucketLoan, KeyOwner
from services.accounts.store.buckets import BucketStore
from services.platform.database import Database, open_database

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 8) as database:
        yield database


@pytest.fixture
def buckets(database: Database) -> BucketStore:
    return BucketStore(database)


def wanting(tokens: int, bucket: str = "key:1") -> Borrowing:
    return Borrowing(bucket, rate=10, burst=100, tokens=tokens)


async def test_a_bucket_gives_what_it_holds_and_fills_again(buckets: BucketStore) -> None:
    assert await buckets.borrow([wanting(60)], START) == [BucketLoan(60, 40)]
    assert await buckets.borrow([wanting(60)], START) == [BucketLoan(40, 0)]
    [nothing] = await buckets.borrow([wanting(60)], START + timedelta(seconds=0.05))
    assert (nothing.tokens, round(nothing.remaining, 6)) == (0, 0.5)
    [some] = await buckets.borrow([wanting(60)], START + timedelta(seconds=2))
    assert (some.tokens, round(some.remaining, 6)) == (20, 0)
    assert await buckets.borrow([wanting(60)], START + timedelta(hours=1)) == [BucketLoan(60, 40)]


async def test_a_clock_that_goes_back_gives_nothing_twice(buckets: BucketStore) -> None:
    assert await buckets.borrow([wanting(100)], START + timedelta(seconds=60)) == [BucketLoan(100, 0)]
    assert await buckets.borrow([wanting(100)], START) == [BucketLoan(0, 0)]
    assert await buckets.borrow([wanting(100)], START + timedelta(seconds=61)) == [BucketLoan(10, 0)]


async def test_another_limit_holds_at_once(buckets: BucketStore) -> None:
    await buckets.borrow([wanting(10)], START)
    assert await buckets.borrow([Borrowing("key:1", rate=1, burst=5, tokens=100)], START) == [BucketLoan(5, 0)]


async def test_many_buckets_in_one_statement(buckets: BucketStore) -> None:
    names = [f"key:{number}" for number in (3, 1, 2)]
    await buckets.borrow([wanting(95, "key:1")], START)
    assert [one.tokens for one in await buckets.borrow([wanting(10, name) for name in names], START)] == [10, 5, 10]


async def test_only_full_buckets_are_swept(buckets: BucketStore, database: Database) -> None:
    await buckets.borrow([wanting(10, "key:1"), wanting(50, "key:2")], START)
    assert await buckets.sweep(START + timedelta(seconds=2)) is False
    assert await buckets.borrow([wanting(100, "key:1"), wanting(100, "key:2")], START + timedelta(seconds=2)) == [
        BucketLoan(100, 0),
        BucketLoan(70, 0),
    ]


async def test_replicas_together_never_pass_the_limit(database: Database) -> None:
    rules = RateRules(key_rate=0.01, account_rate=0.02, burst_seconds=10_000)
    replicas = [RateLimits(BucketStore(database).borrow, rules) for _ in range(3)]
    owners = [KeyOwner(key_id=number, account_id=1) for number in range(5)]

    async def passes(number: int) -> bool:
        replica = replicas[number % 3]
        try:
            await replica.spend(replica.of_owner(owners[number % 5]))
        except RateLimited:
            return False
        return True

    # 100 of each key and 200 of the account; a replica takes one token at a time of buckets that fill so slowly.
    assert sum(await asyncio.gather(*(passes(number) for number in range(400)))) == 200
