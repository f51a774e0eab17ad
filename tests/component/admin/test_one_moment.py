"""Several databases as they were at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy import make_url

from deploy.admin.backup.moment import one_moment
from services.platform.database_address import DatabaseAddress
from tests.stacks import StackUnderTest

ROUNDS = 10


@pytest.fixture
def urls(postgres: StackUnderTest) -> Iterator[list[str]]:
    made = [postgres.create_database() for _ in range(2)]
    yield made
    for url in made:
        postgres.drop_database(url)


def connecting(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def test_what_was_written_first_is_there_whenever_the_other_is(urls: list[str]) -> None:
    first, second = [await asyncpg.connect(connecting(url)) for url in urls]
    for one in (first, second):
        await one.execute("CREATE TABLE n (n int); INSERT INTO n VALUES (0)")
    stop, written = asyncio.Event(), 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            written += 1
            await first.execute("UPDATE n SET n = $1", written)
            await second.execute("UPDATE n SET n = $1", written)

    writing = asyncio.create_task(write())
    databases = {str(number): DatabaseAddress.parse(url) for number, url in enumerate(urls)}
    for _ in range(ROUNDS):
        async with one_moment(databases) as connections:
            # The later one first, so that it is no matter of who asks when.
            seen = [await connections[name].fetchval("SELECT n FROM n") for name in ("1", "0")]
            assert seen[1] - seen[0] in (0, 1)
    stop.set()
    await writing
    assert written > ROUNDS
    for one in (first, second):
        await one.close()
