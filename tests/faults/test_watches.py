"""Watches of storages on the whole stack: pictures that are dropped in a bucket, and services that restart meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom import AsyncClient
from tests.faults.test_destinations import PICTURE, Shop
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio

OTHER = encoded(disc(30, 20), "PNG")


@pytest.fixture
async def shop(stack: StackUnderTest, account: Account, pilio: Pilio, tmp_path: Path) -> AsyncIterator[Shop]:
    """A bucket whose folders `new/` and `small/` are watched; for the latter, the work is a saved pipeline of the account."""
    saved = (await pilio.post("/v1/pipelines", {"name": "small", "operations": [{"resize": {"width": 10}}]})).json()["data"]
    before, bucket = stack.configured, stack.create_bucket()
    common = (
        f'type = "s3"\nendpoint = "{bucket.endpoint}"\nbucket = "{bucket.bucket}"\n'
        f'access_key = "{bucket.access_key}"\nsecret_key = "{bucket.secret_key}"\naccounts = [{account.id}]\n'
    )
    watch = f'account = {account.id}\nfailed = "storage://shop/failed/"\ninterval_seconds = 1\n'
    file = tmp_path / "storages.toml"
    file.write_text(
        f'[shop]\n{common}path = "out"\nwritable = true\n[incoming]\n{common}path = "in"\n'
        f'[incoming.watches.turn]\nprefix = "new/"\noperations = [{{ rotate = {{ angle = 90 }} }}]\n{watch}'
        'destination = "storage://shop/done/"\n'
        f'[incoming.watches.small]\nprefix = "small/"\npipeline = "{saved["id"]}"\n{watch}destination = "storage://shop/small/"\n'
    )
    stack.configure({**before, "DARKROOM_STORAGES_FILE": str(file)})
    await asyncio.to_thread(stack.ensure_up)
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield Shop(bucket, http)
    stack.configure(before)


async def arrived(shop: Shop, key: str) -> bytes:
    """The content of an object, once it is there."""
    async with asyncio.timeout(60):
        while (reply := await shop.get(key)).status_code != 200:
            await asyncio.sleep(0.5)
    return reply.content


async def standing(stack: StackUnderTest, name: str, **objects: int) -> dict[str, Any]:
    """How a watch stands, once it has these objects and no others."""
    async with asyncio.timeout(60):
        while True:
            report = json.loads(await asyncio.to_thread(stack.admin, "files", "watches"))
            [watch] = [each for each in report["watches"] if each["watch"] == name]
            if {state: number for state, number in watch["objects"].items() if number} == objects:
                return watch
            await asyncio.sleep(0.5)


async def number_of_tasks(native: AsyncClient) -> int:
    return len([task async for task in native.iterate_tasks()])


async def test_pictures_that_are_dropped_in_a_bucket(shop: Shop, stack: StackUnderTest, native: AsyncClient) -> None:
    await shop.put("in/new/shoe.png")
    await shop.put("in/new/red/boot.png", OTHER)
    await shop.put("in/small/shoe.png")
    assert opened(await arrived(shop, "out/done/shoe-rotated.png")).size == (48, 64)
    assert opened(await arrived(shop, "out/done/red/boot-rotated.png")).size == (20, 30)
    assert opened(await arrived(shop, "out/small/shoe-10x8.png")).size == (10, 8)
    await standing(stack, "turn", done=2)
    await shop.put("in/new/again.png")
    await shop.put("in/new/broken.png", PICTURE[:60])
    await shop.put("in/new/hat.png", encoded(disc(40, 40), "PNG"))
    told = json.loads(await arrived(shop, "out/failed/broken.png.error.json"))
    assert told["object"] == "storage://incoming/new/broken.png"
    assert told["reason"] in ("FILE_CORRUPT", "MEDIA_UNSUPPORTED"), told
    await arrived(shop, "out/done/hat-rotated.png")
    watch = await standing(stack, "turn", done=3, failed=1)
    assert (watch["listing_error"], watch["errors"][0]["path"]) == (None, "new/broken.png")
    assert (await shop.get("out/done/again-rotated.png")).status_code == 404, "its content has been done under another name"
    await _restarts(shop, stack, native)


async def _restarts(shop: Shop, stack: StackUnderTest, native: AsyncClient) -> None:
    before = await number_of_tasks(native)
    await asyncio.to_thread(stack.stop, "inference")
    names = [f"late-{number}" for number in range(3)]
    for number, name in enumerate(names):
        await shop.put(f"in/new/{name}.png", encoded(disc(31 + number, 20), "PNG"))
    await standing(stack, "turn", done=3, failed=1, running=3)
    await asyncio.to_thread(stack.kill, "files")
    await asyncio.to_thread(stack.restart, "files")
    await asyncio.to_thread(stack.start, "inference")
    for number, name in enumerate(names):
        assert opened(await arrived(shop, f"out/done/{name}-rotated.png")).size == (20, 31 + number)
    await standing(stack, "turn", done=6, failed=1)
    assert await number_of_tasks(native) == before + 3
