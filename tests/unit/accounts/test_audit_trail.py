"""One list out of the parts of all services."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.accounts.domain.audit_trail import AuditTrail
from services.platform.audit.actor import Actor, ActorKind
from services.platform.audit.log import AuditEntry, AuditQuery
from services.platform.errors import DarkroomError, ErrorReason

START = datetime(2026, 1, 1, tzinfo=UTC)
ALL = AuditQuery(account_id=1)


class Part:
    """Entries in memory, read as the store reads them."""

    def __init__(self, *positions: tuple[int, int]) -> None:
        self.read = 0
        self.entries = [
            AuditEntry(number, START + timedelta(microseconds=time), "key.created", 1, Actor(ActorKind.SERVICE), "", {})
            for time, number in sorted(positions, reverse=True)
        ]

    async def page(self, query: AuditQuery, limit: int, skip: int = 0) -> Sequence[AuditEntry]:
        assert limit <= 1001
        self.read += limit
        return [entry for entry in self.entries if (entry.time, entry.id) < query.before][skip : skip + limit]

    async def count(self, query: AuditQuery) -> int:
        return sum((entry.time, entry.id) < query.before for entry in self.entries)


async def read(trail: AuditTrail, size: int, query: AuditQuery = ALL) -> list[tuple[int, int]]:
    """Every page, one after the other."""
    found: list[tuple[int, int]] = []
    token = ""
    while True:
        page = await trail.page(query, size=size, token=token)
        assert len(page.entries) <= size
        found += [((entry.time - START) // timedelta(microseconds=1), entry.id) for entry in page.entries]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_pages_hold_every_entry_once_and_in_order(size: int) -> None:
    chance = random.Random(size)
    # Few times and few ids: many that are the same in two parts, or in all.
    positions = [list({(chance.randrange(6), chance.randrange(1, 6)) for _ in range(count)}) for count in (20, 9, 0)]
    trail = AuditTrail({name: Part(*part) for name, part in zip(("files", "accounts", "tasks"), positions, strict=True)})
    assert await read(trail, size) == sorted((position for part in positions for position in part), reverse=True)


async def test_an_end_of_the_period_holds_on_every_page() -> None:
    trail = AuditTrail({"accounts": Part((1, 1), (2, 1), (3, 1)), "tasks": Part((2, 1), (3, 2))})
    ends = AuditQuery(account_id=1, before=(START + timedelta(microseconds=3), 0))
    assert await read(trail, 1, ends) == [(2, 1), (2, 1), (1, 1)]


@pytest.mark.parametrize("token", ["x", "YTE", "YTEgeCB4IHg", "é", "YTEgMjAyNi0wMS0wMVQwMDowMDowMCAxIHg"])
async def test_other_tokens_are_refused(token: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        await AuditTrail({"accounts": Part()}).page(ALL, size=1, token=token)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "page_token")


@pytest.mark.cases(1)
@pytest.mark.parametrize("seed", range(5))
async def test_any_page_is_found_by_how_many_entries_come_before_it(seed: int) -> None:
    chance = random.Random(seed)
    positions = [list({(chance.randrange(900), chance.randrange(1, 6)) for _ in range(count)}) for count in (4000, 900 * seed, 7)]
    trail = AuditTrail({name: Part(*part) for name, part in zip(("files", "accounts", "tasks"), positions, strict=True)})
    every = sorted((position for part in positions for position in part), reverse=True)
    assert await trail.count(ALL) == len(every)
    for skip in (
        0,
        1,
        2,
        3,
        500,
        1000,
        1003,
        len(every) - 1,
        len(every),
        len(every) + 1,
        10**12,
        *(chance.randrange(len(every)) for _ in range(30)),
    ):
        for size in (1, 50, 1000):
            page = await trail.page(ALL, size=size, token="", skip=skip)
            found = [((entry.time - START) // timedelta(microseconds=1), entry.id) for entry in page.entries]
            assert found == every[skip : skip + size]
            assert bool(page.next_page_token) == (skip + size < len(every))


async def test_few_entries_are_read_for_a_page_deep_in_the_log() -> None:
    parts = {name: Part(*((2 * number + odd, 1) for number in range(10_000))) for odd, name in enumerate(("accounts", "files"))}
    page = await AuditTrail(dict(parts)).page(ALL, size=10, token="", skip=18_000)
    assert (page.entries[0].time - START) // timedelta(microseconds=1) == 1_999
    assert sum(part.read for part in parts.values()) < 2_500
