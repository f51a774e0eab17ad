"""Contents that are kept for a moment."""

from __future__ import annotations

import asyncio

from services.files.recent import RecentContents


async def test_the_oldest_make_room() -> None:
    recent = RecentContents(10, 60)
    for key, size in (("a", 4), ("b", 4), ("b", 4), ("c", 5), ("d", 11)):
        recent.keep(key, bytes(size))
    assert [len(recent.find(key)) for key in "abcd"] == [0, 4, 5, 0]


async def test_each_is_kept_for_its_time() -> None:
    recent = RecentContents(10, 0)
    recent.keep("a", b"1")
    assert recent.find("a") == b"1"
    while recent.find("a"):
        await asyncio.sleep(0)
    recent.keep("b", bytes(10))
    assert recent.find("b")
