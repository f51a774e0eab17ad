"""What people who were removed had elsewhere goes after them, also when that takes several attempts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from services.accounts.domain.upkeep import Departures
from services.accounts.store.departures import Departure, DepartureStore
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.accounts.house import House

_PASSED = text("""
WITH past AS (SELECT CAST(CAST(:by AS text) AS interval) AS span)
UPDATE departure SET next_at = next_at - past.span, until = until - past.span FROM past
""")


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


class Others:
    """The other services: what they were asked to clear, and whether they can be reached."""

    def __init__(self) -> None:
        self.cleared: list[Departure] = []
        self.away = False

    async def clear(self, departure: Departure) -> None:
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        self.cleared.append(departure)


async def passed(database: Database, interval: str) -> None:
    """Time has passed for those who are gone."""
    await database.fetch(_PASSED, {"by": interval})


async def left(database: Database) -> int:
    return len(await database.fetch(text("SELECT 1 FROM departure")))


async def test_what_somebody_had_is_cleared_at_once_and_once_more(database: Database) -> None:
    house, others = await House(database).opened(), Others()
    departures = Departures(DepartureStore(database), [others.clear])
    person = await house.add("ada")
    assert await departures.step() is False
    await house.users.delete(house.owner, person.public_id)
    gone = Departure(house.account_id, person.public_id)
    assert await departures.step() is True
    assert others.cleared == [gone]
    assert await departures.step() is False
    await passed(database, "11 minutes")
    assert await departures.step() is True
    assert others.cleared == [gone, gone]
    assert await left(database) == 0


async def test_what_fails_is_tried_again(database: Database) -> None:
    house, others = await House(database).opened(), Others()
    departures, other = (Departures(DepartureStore(database), [others.clear]) for _ in range(2))
    person = await house.add("ada")
    await house.users.delete(house.owner, person.public_id)
    others.away = True
    await departures.step()
    others.away = False
    # Somebody else may still be at it.
    assert await other.step() is False
    await passed(database, "20 minutes")
    await other.step()
    assert others.cleared == [Departure(house.account_id, person.public_id)]
    assert await left(database) == 0
