"""Batches of SnapOtter's API while parts of the system are killed, and while they take longer than the edge waits for other calls."""

from __future__ import annotations

import asyncio
import io
import secrets
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from services.gateway.surfaces.snapotter.assembly import JOB_IDS
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.platform.identity import Signer
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter, form_of
from tests.system.snapotter_batches import archive, batch
from tests.system.snapotter_progress import events_of

PICTURE = encoded(disc(64, 48), "PNG")
CUT_OFF = "Server restarted while job was in progress"
AT_ONCE = 3
FILES = [(f"{number}.png", PICTURE) for number in range(8)]


@pytest.fixture(scope="module")
def impatient(_stack_alone: StackUnderTest) -> Iterator[StackUnderTest]:
    """A stack whose edge waits three seconds, and whose gateway stops soon."""
    before = _stack_alone.configured
    settings = {"DARKROOM_EDGE_REQUEST_TIMEOUT": "3", "DARKROOM_DRAIN_CALLS": "1", "DARKROOM_CONCURRENT_JOBS": str(AT_ONCE)}
    _stack_alone.configure({**before, **settings})
    yield _stack_alone
    _stack_alone.configure(before)


@pytest.fixture
async def caller(_stack_alone: StackUnderTest) -> AsyncIterator[SnapOtter]:
    await asyncio.to_thread(_stack_alone.ensure_up)
    account = await asyncio.to_thread(_stack_alone.create_account)
    client = SnapOtter(_stack_alone.url, account.api_key)
    yield client
    await client.http.aclose()


async def told_of(caller: SnapOtter, job: str) -> None:
    """Return once a job is told of."""
    async with caller.http.stream("GET", f"{caller.url}/api/v1/jobs/{job}/progress") as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data: "):
                return


@pytest.mark.thorough
async def test_a_batch_may_take_longer_than_a_call(impatient: StackUnderTest, caller: SnapOtter) -> None:
    with impatient.pause("inference"):
        sending = asyncio.create_task(batch(caller, "resize", FILES, {"width": 9}))
        done, _ = await asyncio.wait((sending,), timeout=6)
        assert not done
        # Those that are worked on at the same time, and no more.
        rows = await asyncio.to_thread(
            impatient.fetch, "tasks", "SELECT id FROM task WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED')"
        )
        assert len(rows) == AT_ONCE
    assert len(archive(await sending).names) == len(FILES)


@pytest.mark.thorough
@pytest.mark.cases(1)
@pytest.mark.parametrize("how", ["kill", "restart"])
async def test_a_job_whose_gateway_ends_is_told_to_have_failed(impatient: StackUnderTest, caller: SnapOtter, how: str) -> None:
    jobs = [secrets.token_hex(8) for _ in range(2)]
    with impatient.pause("inference"):
        sending = [
            asyncio.create_task(batch(caller, "resize", FILES, {"width": 9}, clientJobId=jobs[0])),
            asyncio.create_task(caller.tool("resize", PICTURE, {"width": 9}, clientJobId=jobs[1])),
        ]
        await asyncio.gather(*(told_of(caller, job) for job in jobs))
        await asyncio.to_thread(getattr(impatient, how), "gateway")
        await asyncio.to_thread(impatient.wait_ready, "gateway")
        for reply in await asyncio.gather(*sending, return_exceptions=True):
            assert not isinstance(reply, httpx.Response) or reply.status_code >= 500, reply.text
    whole, single = [await asyncio.wait_for(events_of(caller, job), 60) for job in jobs]
    assert (single[-1]["type"], single[-1]["phase"], single[-1]["error"]) == ("single", "failed", CUT_OFF)
    assert (whole[-1]["type"], whole[-1]["status"], whole[-1]["totalFiles"]) == ("batch", "failed", len(FILES))
    assert whole[-1]["errors"][-1]["error"] == CUT_OFF
    # One that is stopped says so itself; that of one that is killed is missed.
    assert len(single) == (2 if how == "kill" else 1)
    # It stays told, and the name can be used again.
    assert [await events_of(caller, jobs[1])] == [single[-1:]]
    reply = await caller.tool("resize", PICTURE, {"width": 9}, clientJobId=jobs[1])
    [final] = await events_of(caller, jobs[1])
    assert (final["phase"], final["result"]) == ("complete", reply.json())


async def test_a_running_task_is_followed_by_the_id_that_replies_name(stack: StackUnderTest, caller: SnapOtter) -> None:
    secret = Signer("gateway", Path(stack.settings("gateway")["DARKROOM_SIGNING_KEY_FILE"])).derived_secret(JOB_IDS)
    query = "SELECT id, account_id FROM task WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED')"
    with stack.pause("inference"):
        sending = asyncio.create_task(caller.tool("resize", PICTURE, {"width": 9}))
        while not (rows := await asyncio.to_thread(stack.fetch, "tasks", query)):
            await asyncio.sleep(0.1)
        job = JobIds(secret).of(rows[0]["account_id"], rows[0]["id"])
        watching = asyncio.create_task(events_of(caller, job))
        await told_of(caller, job)
    reply = (await sending).json()
    assert reply["jobId"] == job
    *before, final = await asyncio.wait_for(watching, 30)
    assert (final["phase"], final["percent"], final["result"]) == ("complete", 100, reply)
    assert {each["phase"] for each in before} == {"processing"}


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["tasks", "files", "inference"])
async def test_a_part_that_is_killed_costs_a_batch_time_and_no_file(impatient: StackUnderTest, caller: SnapOtter, part: str) -> None:
    sending = asyncio.create_task(batch(caller, "resize", FILES * 20, {"width": 9}))
    done, _ = await asyncio.wait((sending,), timeout=1)
    assert not done
    await asyncio.to_thread(impatient.kill, part)
    assert len(archive(await sending).names) == len(FILES) * 20


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_storage_that_fails_in_the_middle(impatient: StackUnderTest, caller: SnapOtter, how: str) -> None:
    """If it comes back, the archive is whole; else it breaks."""
    noise = np.random.default_rng(0).integers(0, 256, (2000, 1500, 3), dtype=np.uint8)
    large = encoded(Image.fromarray(noise), "PNG", compress_level=0)
    content, kind = form_of(*(("file", large, f"{number}.png") for number in range(4)), ("settings", '{"angle": 90}'))
    request = caller.http.stream(
        "POST", f"{caller.url}/api/v1/tools/rotate/batch", content=content, headers={**caller.headers, "content-type": kind}
    )
    received, middle = bytearray(), len(large) // 100

    async def receive() -> int:
        async with request as reply:
            assert reply.status_code == 200
            async for piece in reply.aiter_bytes():
                if len(received) <= middle < len(received) + len(piece):
                    await asyncio.to_thread(getattr(impatient, how), "s3")
                received.extend(piece)
            return int(reply.headers["content-length"])

    if how == "kill":
        assert await receive() == len(received)
        assert zipfile.ZipFile(io.BytesIO(received)).testzip() is None
        return
    try:
        with pytest.raises(httpx.HTTPError):
            await receive()
        assert len(received) > middle
    finally:
        await asyncio.to_thread(impatient.start, "s3")
