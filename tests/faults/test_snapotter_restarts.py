"""Tools of SnapOtter's API while parts of the system are killed: its clients repeat nothing, and every call is answered."""

from __future__ import annotations

import asyncio

import pytest

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter

CALLERS = 6
PICTURE = encoded(disc(320, 240), "PNG")


@pytest.mark.cases(1)
@pytest.mark.parametrize("part", ["tasks", "files", "inference", "postgres", "s3"])
async def test_a_part_that_is_killed_costs_callers_time_and_no_answer(stack: StackUnderTest, part: str) -> None:
    account = await asyncio.to_thread(stack.create_account)
    caller = SnapOtter(stack.url, account.api_key)
    stop = asyncio.Event()
    replies: list[str] = []

    async def press() -> None:
        while not stop.is_set():
            reply = await caller.tool("resize", PICTURE, {"width": 160})
            assert reply.status_code == 200, reply.text
            replies.append(reply.json()["downloadUrl"])

    try:
        pressing = [asyncio.create_task(press()) for _ in range(CALLERS)]
        try:
            await asyncio.wait(pressing, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
            await asyncio.to_thread(stack.kill, part)
            await asyncio.to_thread(stack.wait_ready, part)
            await asyncio.wait(pressing, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            stop.set()
        await asyncio.gather(*pressing)
        assert len(set(replies)) == len(replies) >= CALLERS
        assert opened(await caller.download(replies[-1])).size == (160, 120)
    finally:
        await caller.http.aclose()
    # Every call that was answered has made a task, and there is no other.
    rows = await asyncio.to_thread(stack.fetch, "tasks", "SELECT state FROM task WHERE account_id = $1", int(account.id))
    assert [row["state"] for row in rows] == ["SUCCEEDED"] * len(replies)
