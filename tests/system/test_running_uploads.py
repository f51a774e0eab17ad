"""PUTs that run while something else happens to their upload."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx

from services.files.domain.running_puts import MOST_AT_ONCE
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.slow_put import begun

MIB = 2**20
ENDED = (404, "UPLOAD_NOT_FOUND")


async def test_a_put_ends_with_its_upload(pilio: Pilio, stack: StackUnderTest) -> None:
    picture = encoded(disc(), "PNG")
    deleted, late, completed = [await pilio.create("photo.png", len(picture), "simple") for _ in range(3)]
    parted = await pilio.create("large.png", 6 * MIB, "multipart")
    assert (await pilio.http.put(completed["upload_url"], content=picture)).status_code == 200
    async with AsyncExitStack() as running:
        urls = (deleted["upload_url"], completed["upload_url"], parted["upload_urls"][0])
        puts = [await running.enter_async_context(begun(url, 5 * MIB, picture)) for url in urls]
        at_its_end = await running.enter_async_context(begun(late["upload_url"], len(picture), picture[:-1]))
        await asyncio.sleep(0.3)
        await pilio.post(f"/v1/files/{completed['id']}/complete", {})
        for each in (deleted, late, parted):
            assert (await pilio.delete(f"/v1/files/{each['id']}")).status_code == 200
        await at_its_end.send(picture[-1:])
        assert [await put.answer() for put in (at_its_end, *puts)] == [ENDED] * 4
    bucket = stack.dir / "data" / "objects"
    for url in (late["upload_url"], *urls):
        assert not (bucket / httpx.URL(url).path.lstrip("/")).exists()
    download = (await pilio.get(f"/v1/files/{completed['id']}/download-url")).json()["data"]["download_url"]
    assert (await pilio.http.get(download)).content == picture


async def test_a_few_puts_to_one_url_may_run_at_once(pilio: Pilio) -> None:
    content = encoded(disc(), "PNG")
    url = (await pilio.create("photo.png", len(content), "simple"))["upload_url"]
    async with AsyncExitStack() as running:
        # More than may run, since one of those below may take the place of another.
        for _ in range(2 * MOST_AT_ONCE):
            await running.enter_async_context(begun(url, len(content), b"-"))
        async with asyncio.timeout(30):
            while (refused := await pilio.http.put(url, content=content)).status_code == 200:
                await asyncio.sleep(0.1)
        assert (refused.status_code, refused.json()["error"]["reason"]) == (429, "TOO_MANY_STREAMS")
        assert refused.headers["retry-after"]
    # Their connections have broken, which makes room.
    async with asyncio.timeout(30):
        while (await pilio.http.put(url, content=content)).status_code != 200:
            await asyncio.sleep(0.1)
