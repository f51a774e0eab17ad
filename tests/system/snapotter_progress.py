"""The progress of SnapOtter's jobs, as its users follow it."""

from __future__ import annotations

import asyncio
import json
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
