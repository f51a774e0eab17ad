"""Forms that are much larger than the memory that they may take."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter, form_of
from tests.system.snapotter_batches import archive, batch

MEBIBYTE = 1 << 20
LARGE, MOST = 256, 96
"""Mebibytes: of the form, and of what the gateway and the edge may take for it, each."""


@pytest.mark.alone
async def test_a_large_file_passes_through_little_memory(stack: StackUnderTest) -> None:
    account = await asyncio.to_thread(stack.create_account)
    caller = SnapOtter(stack.url, account.api_key)
    content, kind = form_of(("settings", '{"width": 20, "fit": "inside"}'), ("file", encoded(disc(64, 48), "PNG"), "photo.png"))
    form, end = content.rsplit(b"\r\n--", 1)
    parts = [psutil.Process(await asyncio.to_thread(stack.pid, part)) for part in ("gateway", "envoy")]
    before = [part.memory_info().rss for part in parts]
    most = before

    async def body() -> AsyncIterator[bytes]:
        nonlocal most
        yield form
        for _ in range(LARGE):
            yield bytes(MEBIBYTE)
            most = [max(so_far, part.memory_info().rss) for so_far, part in zip(most, parts, strict=True)]
        yield b"\r\n--" + end

    try:
        reply = await caller.http.post(
            caller.url + "/api/v1/tools/resize", content=body(), headers={**caller.headers, "content-type": kind}
        )
        assert reply.status_code == 200, reply.text
        assert reply.json()["originalSize"] > LARGE * MEBIBYTE
        assert opened(await caller.download(reply.json()["downloadUrl"])).size == (20, 15)
    finally:
        await caller.http.aclose()
    taken = [(after - then) // MEBIBYTE for then, after in zip(before, most, strict=True)]
    assert max(taken) < MOST, taken


@pytest.mark.thorough
@pytest.mark.alone
@pytest.mark.parametrize(("count", "side"), [(200, 180), (6, 2600)], ids=["many", "large"])
async def test_a_batch_passes_through_little_memory(stack: StackUnderTest, count: int, side: int) -> None:
    account = await asyncio.to_thread(stack.create_account)
    caller = SnapOtter(stack.url, account.api_key)
    noise = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(noise, "PNG")
    gateway = psutil.Process(await asyncio.to_thread(stack.pid, "gateway"))
    archive(await batch(caller, "rotate", [("warm.png", encoded(disc(64, 48), "PNG"))], {"angle": 90}))
    before = most = gateway.memory_info().rss
    try:
        sending = asyncio.create_task(batch(caller, "rotate", [(f"{n}.png", noise.getvalue()) for n in range(count)], {"angle": 90}))
        while not sending.done():
            most = max(most, gateway.memory_info().rss)
            await asyncio.sleep(0.02)
        found = archive(await sending)
    finally:
        await caller.http.aclose()
    assert len(found.names) == count
    assert len(found.reply.content) > count * side * side
    assert (most - before) // MEBIBYTE < MOST
