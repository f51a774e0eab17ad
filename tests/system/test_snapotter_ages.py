"""How long SnapOtter's API keeps uploads and results (`tempFileMaxAgeHours`, sections 1 and 3 of its contract)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.home import Home
from services.accounts.store.accounts import AccountStore
from services.accounts.store.people import PeopleStore
from services.platform.database import open_database
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_library import FILES, kept

PICTURE = encoded(disc(64, 48), "PNG")
FILE = ("file", PICTURE, "photo.png")
SMALLER = {"width": 20}
STEPS = json.dumps({"steps": [{"toolId": "resize", "settings": SMALLER}, {"toolId": "rotate", "settings": {"angle": 90}}]})


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.1)


async def set_age(admin: SnapOtter, hours: object) -> None:
    reply = await admin.call("PUT", "/api/v1/settings/tempFileMaxAgeHours", {"value": hours})
    assert reply.status_code == 200, reply.text


async def status(caller: SnapOtter, path: str) -> int:
    return (await caller.get(path)).status_code


async def made(admin: SnapOtter) -> list[str]:
    """Paths of an upload, of a tool's input and result, and of a pipeline's result."""
    sent = await admin.form("/api/v1/upload", FILE)
    job = (await admin.tool("resize", PICTURE, SMALLER)).json()
    pipeline = await admin.form("/api/v1/pipeline/execute", FILE, ("pipeline", STEPS))
    assert pipeline.status_code == 200, pipeline.text
    paths = [
        f"/api/v1/download/{sent.json()['jobId']}/photo.png",
        f"/api/v1/download/{job['jobId']}/photo.png",
        job["downloadUrl"],
        pipeline.json()["downloadUrl"],
    ]
    assert [await status(admin, path) for path in paths] == [200] * 4
    return paths


@pytest.mark.alone
async def test_uploads_and_results_go_at_the_age_that_is_set(stack: StackUnderTest, admin: SnapOtter) -> None:
    v1 = Pilio(admin.url, await key_of_the_same_account(stack), admin.http)
    paths, file = await made(admin), await kept(admin)
    uploaded = await v1.upload("photo.png", PICTURE)
    task = await v1.start("/v1/images/remove-background", {"image_file_id": uploaded})
    assert (await v1.finish(task))["status"] == "Succeeded"
    [result] = (await v1.result(task))["files"]
    thumbnail = f"{FILES}/{file['id']}/thumbnail"
    assert await status(admin, thumbnail) == 200
    try:
        await set_age(admin, 1 / 3600)
        await until(lambda: gone(admin, *paths))
        assert await status(admin, f"{FILES}/{file['id']}/download") == 200
        assert await status(admin, thumbnail) == 200
        assert (await admin.http.get(result["download_url"])).status_code == 200
        again = await v1.start("/v1/images/remove-background", {"image_file_id": uploaded})
        assert (await v1.finish(again))["status"] == "Succeeded"
        later = (await admin.tool("resize", PICTURE, SMALLER)).json()["downloadUrl"]
        await until(lambda: gone(admin, later))
    finally:
        await set_age(admin, "as long as you like")
    await until(lambda: stays(admin))


async def key_of_the_same_account(stack: StackUnderTest) -> str:
    """A key for the other APIs."""
    async with open_database(stack.database_url("accounts"), pool=2) as database:
        account_id = await Home(PeopleStore(database), None).account_id()
        assert account_id is not None
        _, secret = await Accounts(AccountStore(database), revoked=lambda _: None).create_key(account_id, "v1")
    return secret


async def gone(caller: SnapOtter, *paths: str) -> bool:
    return all([await status(caller, path) == 404 for path in paths])


async def stays(caller: SnapOtter) -> bool:
    """Whether a new result outlives the age that was set before."""
    reply = await caller.tool("resize", PICTURE, SMALLER)
    if reply.status_code != 200:
        return False
    await asyncio.sleep(1.5)
    return await status(caller, reply.json()["downloadUrl"]) == 200
