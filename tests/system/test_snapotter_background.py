"""Tools of SnapOtter's API whose callers do not wait (section 5 of its contract), through the public port: jobs and their last events."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from darkroom import AsyncClient
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import events_of, result_of

PICTURE = encoded(disc(64, 48), "PNG")


async def begun(caller: SnapOtter, picture: bytes = PICTURE, settings: object = None, **fields: str) -> str:
    """The id of a job that enlarges a picture."""
    reply = await caller.tool("upscale", picture, settings, **fields)
    assert reply.status_code == 202, reply.text
    body = reply.json()
    assert body == {"jobId": body["jobId"], "async": True}
    return str(body["jobId"])


async def test_the_result_comes_with_the_last_event(person: SnapOtter) -> None:
    job_id = await begun(person)
    result = await result_of(person, job_id)
    assert result["downloadUrl"] == f"/api/v1/download/{job_id}/photo_2x.png"
    content = await person.download(result["downloadUrl"])
    assert opened(content).size == (128, 96)
    assert (result["jobId"], result["originalSize"], result["processedSize"]) == (job_id, len(PICTURE), len(content))
    assert (result["width"], result["height"]) == (128, 96)
    # It is told to whoever asks later on, again and again.
    assert await result_of(person, job_id) == result


async def test_a_name_that_the_client_gives_is_the_job_and_not_where_its_files_are(person: SnapOtter) -> None:
    name, opened_ = str(uuid.uuid4()), asyncio.Event()
    watching = asyncio.create_task(events_of(person, name, opened_))
    await opened_.wait()
    assert await begun(person, clientJobId=name) == name
    told = await asyncio.wait_for(watching, 60)
    assert {each["jobId"] for each in told} == {name}
    assert [each["phase"] for each in told[:-1]] == ["processing"] * (len(told) - 1)
    result = told[-1]["result"]
    assert result["jobId"] != name
    assert opened(await person.download(result["downloadUrl"])).size == (128, 96)
    assert await result_of(person, name) == await result_of(person, result["jobId"]) == result


@pytest.mark.parametrize("name", ["job 7", "ü", "00000000-0000-4000-8000-00000000000", ""])
async def test_a_name_that_is_no_uuid_does_not_count(person: SnapOtter, name: str) -> None:
    job_id = await begun(person, clientJobId=name)
    assert job_id != name
    assert (await result_of(person, job_id))["jobId"] == job_id


async def test_a_name_that_is_used_again_is_the_newer_job(person: SnapOtter) -> None:
    name = str(uuid.uuid4())
    for factor in (2, 3):
        await begun(person, settings={"scale": factor}, clientJobId=name)
        assert (await result_of(person, name))["width"] == 64 * factor
    reply = await person.tool("resize", PICTURE, {"width": 20}, clientJobId=name)
    assert await result_of(person, name) == reply.json()


@pytest.mark.thorough
async def test_ten_at_once_get_their_own_results(person: SnapOtter) -> None:
    pictures = [encoded(disc(40 + 2 * number, 30), "PNG") for number in range(10)]
    jobs = await asyncio.gather(*(begun(person, picture) for picture in pictures))
    assert len(set(jobs)) == 10
    results = await asyncio.gather(*(result_of(person, job) for job in jobs))
    assert [result["width"] for result in results] == [2 * (40 + 2 * number) for number in range(10)]


async def test_the_last_of_several_files_counts(person: SnapOtter) -> None:
    other = encoded(disc(30, 20), "PNG")
    reply = await person.form("/api/v1/tools/upscale", ("file", PICTURE, "a.png"), ("image", other, "b.png"))
    result = await result_of(person, reply.json()["jobId"])
    assert (result["width"], result["downloadUrl"].rpartition("/")[2]) == (60, "b_2x.png")


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([], "No image file provided"),
        ([("file", b"", "a.png")], "No image file provided"),
        ([("file", b"no picture", "a.png")], "Invalid image: Unrecognized image format"),
        ([("file", b"\0" * 100, "a.png")], "Invalid image: File contains no image data"),
        ([("file", PICTURE, "a.png"), ("settings", "{")], "Settings must be valid JSON"),
        ([("file", PICTURE, "a.png"), ("settings", "[]")], "Invalid settings"),
        ([("file", PICTURE, "a.png"), ("settings", '{"scale":null}')], "Invalid settings"),
    ],
)
async def test_what_is_refused_is_no_job(person: SnapOtter, stack: StackUnderTest, parts: list[Any], error: str) -> None:
    name = str(uuid.uuid4())
    reply = await person.form("/api/v1/tools/upscale", *parts, ("clientJobId", name))
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(events_of(person, name), 1)


async def test_it_is_for_those_who_are_signed_in(visitor: SnapOtter) -> None:
    assert (await visitor.tool("upscale", PICTURE)).status_code == 401


async def test_a_picture_that_cannot_be_read_to_its_end_fails_later(person: SnapOtter) -> None:
    whole = encoded(disc(640, 480), "PNG")
    reply = await person.tool("upscale", whole[: len(whole) // 2])
    if reply.status_code == 202:
        *_, last = await asyncio.wait_for(events_of(person, reply.json()["jobId"]), 60)
        assert last["phase"] == "failed"
        assert last["error"].startswith("Upscaling failed: ")
    else:
        assert reply.status_code in (400, 422)


async def test_a_job_that_is_cancelled_says_so(visitor: SnapOtter, native: AsyncClient, stack: StackUnderTest, account: Account) -> None:
    caller, name = visitor.of(account.api_key), str(uuid.uuid4())
    async with held(stack, account):
        await begun(caller, clientJobId=name)
        [task] = await native.list_tasks()
        await native.cancel_task(task.id)
        *_, last = await asyncio.wait_for(events_of(caller, name), 60)
    assert (last["phase"], last["error"]) == ("failed", "Upscaling failed: Cancelled by its owner.")
