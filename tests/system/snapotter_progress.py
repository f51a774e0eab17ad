"""The progress of SnapOtter's jobs, as its users follow it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.system.snapotter import SnapOtter


async def events_of(caller: SnapOtter, job_id: str, opened: asyncio.Event | None = None) -> list[dict[str, Any]]:
    """The events of a job, up to the end of the stream. Nobody has to sign in for them."""
    found = []
    async with caller.http.stream("GET", f"{caller.url}/api/v1/jobs/{job_id}/progress") as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert (reply.headers["cache-control"], reply.headers["x-accel-buffering"]) == ("no-cache", "no")
        if opened is not None:
            opened.set()
        async for line in reply.aiter_lines():
            assert line == "" or line.startswith((":", "data: "))
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
    return found


async def result_of(caller: SnapOtter, job_id: str) -> Mapping[str, Any]:
    """What the last event of a job that its caller did not wait for tells of its result."""
    *_, last = await asyncio.wait_for(events_of(caller, job_id), 60)
    assert (last["jobId"], last["type"], last["phase"], last["percent"]) == (job_id, "single", "complete", 100), last
    result: Mapping[str, Any] = last["result"]
    return result


async def result_of_tool(
    caller: SnapOtter, tool: str, picture: bytes, settings: object = None, name: str = "photo.png"
) -> Mapping[str, Any]:
    """The result of a tool that answers before it has done its work."""
    reply = await caller.tool(tool, picture, settings, name)
    assert reply.status_code == 202, reply.text
    body = reply.json()
    assert body == {"jobId": body["jobId"], "async": True}
    return await result_of(caller, body["jobId"])
