"""Jobs of SnapOtter's API whose callers do not wait, while parts of the system are killed: none is lost, and its end is told."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import events_of

PICTURE = encoded(disc(64, 48), "PNG")


@pytest.mark.cases(1)
@pytest.mark.parametrize("part", ["gateway", "nats", "tasks", "inference", "triton", "s3"])
async def test_a_job_outlives_a_part_that_is_killed(stack: StackUnderTest, part: str) -> None:
    account: Account = await asyncio.to_thread(stack.create_account)
    caller, name = SnapOtter(stack.url, account.api_key), str(uuid.uuid4())
    try:
        async with held(stack, account):
            reply = await caller.tool("upscale", PICTURE, clientJobId=name)
            assert reply.status_code == 202, reply.text
            await asyncio.to_thread(stack.kill, part)
            await asyncio.to_thread(stack.wait_ready, part)
        *_, last = await asyncio.wait_for(events_of(caller, name), 120)
        assert last["phase"] == "complete", last
        assert opened(await caller.download(last["result"]["downloadUrl"])).size == (128, 96)
    finally:
        await caller.http.aclose()


async def test_a_watcher_learns_the_end_although_nats_was_killed_meanwhile(stack: StackUnderTest) -> None:
    account = await asyncio.to_thread(stack.create_account)
    caller, name, watched = SnapOtter(stack.url, account.api_key), str(uuid.uuid4()), asyncio.Event()
    try:
        async with held(stack, account):
            watching = asyncio.create_task(events_of(caller, name, watched))
            await watched.wait()
            await asyncio.to_thread(stack.kill, "nats")
            await asyncio.to_thread(stack.wait_ready, "nats")
            reply = await caller.tool("upscale", PICTURE, clientJobId=name)
            assert reply.status_code == 202, reply.text
        *_, last = await asyncio.wait_for(watching, 120)
        assert last["phase"] == "complete", last
    finally:
        await caller.http.aclose()


@pytest.mark.thorough
async def test_while_the_model_server_is_stopped_a_job_waits(stack: StackUnderTest) -> None:
    account = await asyncio.to_thread(stack.create_account)
    caller = SnapOtter(stack.url, account.api_key)
    try:
        async with held(stack, account):
            reply = await caller.tool("upscale", PICTURE)
            assert reply.status_code == 202, reply.text
            await asyncio.to_thread(stack.stop, "triton")
        try:
            watching = asyncio.create_task(events_of(caller, reply.json()["jobId"]))
            done, _ = await asyncio.wait([watching], timeout=3)
            assert not done
        finally:
            await asyncio.to_thread(stack.start, "triton")
        *_, last = await asyncio.wait_for(watching, 120)
        assert last["phase"] == "complete", last
    finally:
        await caller.http.aclose()
