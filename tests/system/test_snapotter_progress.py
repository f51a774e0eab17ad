"""How far SnapOtter's jobs are (section 5 of its contract), through the public port."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import events_of

PICTURE = encoded(disc(64, 48), "PNG")


async def test_a_stream_opened_before_its_job_tells_of_it_in_order(admin: SnapOtter) -> None:
    name, opened = f"any text ü {secrets.token_hex(4)}", asyncio.Event()
    watching = asyncio.create_task(events_of(admin, name, opened))
    await opened.wait()
    reply = await admin.tool("resize", PICTURE, {"width": 20}, clientJobId=name)
    told = await asyncio.wait_for(watching, 30)
    assert [each["phase"] for each in told] == ["processing", "complete"]
    assert {(each["jobId"], each["type"]) for each in told} == {(name, "single")}
    assert [each["percent"] for each in told] == [0, 100]
    assert told[-1]["result"] == reply.json()


async def test_a_finished_job_is_told_again(admin: SnapOtter) -> None:
    name = secrets.token_hex(8)
    body = (await admin.tool("resize", PICTURE, {"width": 20}, clientJobId=name)).json()
    for _ in range(2):
        [final] = await events_of(admin, name)
        assert (final["phase"], final["result"]) == ("complete", body)


async def test_the_id_of_a_reply_is_the_name_of_a_job_too(admin: SnapOtter) -> None:
    body = (await admin.tool("convert", PICTURE, {"format": "tiff"})).json()
    [final] = await events_of(admin, body["jobId"])
    assert (final["jobId"], final["phase"], final["result"]) == (body["jobId"], "complete", body)


async def test_a_failed_job_says_why(admin: SnapOtter) -> None:
    name = secrets.token_hex(8)
    reply = await admin.tool("crop", PICTURE, {"left": 60, "top": 0, "width": 30, "height": 9}, clientJobId=name)
    assert reply.status_code == 422
    [final] = await events_of(admin, name)
    assert (final["phase"], set(final)) == ("failed", {"jobId", "type", "phase", "percent", "error"})
    assert final["error"].startswith("Processing failed")


@pytest.mark.parametrize("tool", ["edit-metadata", "color-palette", "vectorize", "barcode-read"])
async def test_a_job_of_a_tool_with_its_own_form_is_told_too(admin: SnapOtter, tool: str) -> None:
    name, opened = secrets.token_hex(8), asyncio.Event()
    watching = asyncio.create_task(events_of(admin, name, opened))
    await opened.wait()
    reply = await admin.tool(tool, PICTURE, clientJobId=name)
    assert reply.status_code == 200, reply.text
    told = await asyncio.wait_for(watching, 30)
    assert [each["phase"] for each in told] == ["processing", "complete"]
    assert told[-1]["result"] == reply.json()


@pytest.mark.parametrize("tool", ["split", "favicon", "image-to-base64", "optimize-for-web/preview"])
async def test_of_a_reply_that_is_a_file_or_streams_it_is_told_that_it_is_there(admin: SnapOtter, tool: str) -> None:
    name = secrets.token_hex(8)
    assert (await admin.tool(tool, PICTURE, clientJobId=name)).status_code == 200
    [final] = await events_of(admin, name)
    assert (final["phase"], final["result"]) == ("complete", {})


@pytest.mark.parametrize(("tool", "error"), [("compare", "Two image files are required"), ("split", "Invalid settings")])
async def test_a_refused_call_of_a_tool_with_its_own_form_is_told_as_failed(admin: SnapOtter, tool: str, error: str) -> None:
    name = secrets.token_hex(8)
    reply = await admin.tool(tool, PICTURE, {"columns": "many"}, clientJobId=name)
    assert reply.status_code == 400
    [final] = await events_of(admin, name)
    assert reply.json()["error"].startswith(error)
    assert (final["phase"], final["error"].startswith(reply.json()["error"])) == ("failed", True)


@pytest.mark.parametrize("name", ["nobody-knows", "00000000-0000-4000-8000-000000000000", "a%2Fb", "x" * 500])
async def test_the_stream_of_an_unknown_job_stays_open_with_its_headers_sent(admin: SnapOtter, name: str) -> None:
    opened = asyncio.Event()
    watching = asyncio.create_task(events_of(admin, name, opened))
    await asyncio.wait_for(opened.wait(), 10)
    done, _ = await asyncio.wait({watching}, timeout=0.3)
    assert not done
    watching.cancel()


async def test_who_asks_for_the_headers_alone_gets_them_and_the_connection_back(visitor: SnapOtter) -> None:
    for _ in range(2):
        reply = await visitor.call("HEAD", "/api/v1/jobs/nobody-knows/progress")
        assert (reply.status_code, reply.headers["content-type"], reply.headers["cache-control"]) == (200, "text/event-stream", "no-cache")
    assert (await visitor.get("/api/v1/health")).status_code == 200


async def test_all_watchers_of_a_job_are_told(admin: SnapOtter) -> None:
    name, opened = secrets.token_hex(8), [asyncio.Event() for _ in range(3)]
    watching = [asyncio.create_task(events_of(admin, name, one)) for one in opened]
    await asyncio.gather(*(one.wait() for one in opened))
    await admin.tool("resize", PICTURE, {"width": 20}, clientJobId=name)
    for told in await asyncio.wait_for(asyncio.gather(*watching), 30):
        assert told[-1]["phase"] == "complete"
