"""Batches of SnapOtter's API while parts of the system are killed, and while they take longer than the edge waits for other calls."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from services.common.identity import Signer
from services.gateway.surfaces.snapotter.assembly import JOB_IDS
from services.gateway.surfaces.snapotter.job_ids import JobIds
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter, form_of
from tests.system.snapotter_batches import archive, batch
from tests.system.snapotter_progress import events_of

PICTURE = encoded(disc(64, 48), "PNG")
CUT_OFF = "Server restarted while job was in progress"
FILES = [(f"{number}.png", PICTURE) for number in range(8)]


@pytest.fixture(scope="module")
def impatient(_stack_alone: StackUnderTest) -> Iterator[StackUnderTest]:
    """A stack whose edge waits three seconds, and whose gateway stops at once."""
    before = _stack_alone.configured
    _stack_alone.configure({**before, "DARKROOM_EDGE_REQUEST_TIMEOUT": "3", "DARKROOM_DRAIN_CALLS": "1"})
    yield _stack_alone
    _stack_alone.configure(before)


@pytest.fixture
async def caller(impatient: StackUnderTest) -> AsyncIterator[SnapOtter]:
    await asyncio.to_thread(impatient.ensure_up)
    account = await asyncio.to_thread(impatient.create_account)
    client = SnapOtter(impatient.url, account.api_key)
    yield client
    await client.http.aclose()


async def told_of(caller: SnapOtter, job: str) -> None:
    """Return once a job is told of."""
    async with caller.http.stream("GET", f"{caller.url}/api/v1/jobs/{job}/progress") as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data: "):
                return


async def test_a_batch_may_take_longer_than_a_call(impatient: StackUnderTest, caller: SnapOtter) -> None:
    with impatient.paused("inference"):
        sending = asyncio.create_task(batch(caller, "resize", FILES, {"width": 9}))
        done, _ = await asyncio.wait((sending,), timeout=6)
        assert not done
    assert len(archive(await sending).names) == len(FILES)


@pytest.mark.parametrize("how", ["kill", "restart"])
async def test_a_job_whose_gateway_ends_is_told_to_have_failed(impatient: StackUnderTest, caller: SnapOtter, how: str) -> None:
    jobs = [secrets.token_hex(8) for _ in range(2)]
    with impatient.paused("inference"):
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
    # It stays told, and the name can be used again.
    assert [await events_of(caller, jobs[1])] == [single[-1:]]
    reply = await caller.tool("resize", PICTURE, {"width": 9}, clientJobId=jobs[1])
    [final] = await events_of(caller, jobs[1])
    assert (final["phase"], final["result"]) == ("complete", reply.json())


async def test_a_running_task_is_followed_by_the_id_that_replies_name(impatient: StackUnderTest, caller: SnapOtter) -> None:
    secret = Signer("gateway", Path(impatient.settings("gateway")["DARKROOM_SIGNING_KEY_FILE"])).derived_secret(JOB_IDS)
    query = "SELECT id, account_id FROM task WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED')"
    with impatient.paused("inference"):
        sending = asyncio.create_task(caller.tool("resize", PICTURE, {"width": 9}))
        while not (rows := await asyncio.to_thread(impatient.fetch, "tasks", query)):
            await asyncio.sleep(0.1)
        job = JobIds(secret).of(rows[0]["account_id"], rows[0]["id"])
        watching = asyncio.create_task(events_of(caller, job))
        await told_of(caller, job)
    reply = (await sending).json()
    assert reply["jobId"] == job
    *before, final = await asyncio.wait_for(watching, 30)
    assert (final["phase"], final["percent"], final["result"]) == ("complete", 100, reply)
    assert {each["phase"] for each in before} == {"processing"}


async def test_storage_that_fails_in_the_middle_breaks_the_archive(impatient: StackUnderTest, caller: SnapOtter) -> None:
    large = encoded(disc(2400, 1800), "TIFF")
    parts = [(f"{number}.tiff", large) for number in range(3)]
    content, kind = form_of(*(("file", each, name) for name, each in parts), ("settings", '{"angle": 90}'))
    request = caller.http.stream(
        "POST", f"{caller.url}/api/v1/tools/rotate/batch", content=content, headers={**caller.headers, "content-type": kind}
    )
    received = 0
    with pytest.raises(httpx.HTTPError):
        async with request as reply:
            assert reply.status_code == 200
            async for piece in reply.aiter_bytes():
                if not received:
                    await asyncio.to_thread(impatient.kill, "s3")
                received += len(piece)
    assert 0 < received < int(reply.headers["content-length"])
