"""Usage and limits of an account, of which three services count parts, read through the public port."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from darkroom import ApiError, AsyncClient
from tests.stacks import Account, StackUnderTest
from tests.system.pilio import Pilio
from tests.system.shell import Shell


async def test_the_owner_sees_what_is_used_and_allowed(
    stack: StackUnderTest, account: Account, native: AsyncClient, pilio: Pilio, portrait: bytes, tmp_path: Path
) -> None:
    settings = (
        ("accounts", "limits", "--max-keys", "7", "--max-streams", "9", "--key-request-rate", "40"),
        ("tasks", "policy", "--max-webhooks", "3"),
    )
    for service, command, *options in (*settings, ("files", "quota", "--files", "50")):
        await asyncio.to_thread(stack.admin, service, command, "--account", account.id, *options)
    await pilio.upload("a.jpg", portrait)
    created = await pilio.post("/v1/webhooks", {"url": "http://127.0.0.1:1/in"})
    assert created.status_code == 200, created.text

    reply = await pilio.get("/v1/usage")
    assert reply.status_code == 200, reply.text
    usage = reply.json()["data"]
    assert usage["files"] == {"used": 1, "limit": 50}
    assert usage["bytes"]["used"] == len(portrait)
    assert usage["keys"] == {"used": 1, "limit": 7}
    assert usage["webhooks"] == {"used": 1, "limit": 3}
    assert usage["open_tasks"]["used"] == usage["running_tasks"]["used"] == 0
    assert usage["streams"] == {"used": 0, "limit": 9}
    assert usage["open_single_tasks"] == {"used": 0, "limit": 20}
    assert usage["credits"]["unlimited"] is True
    assert [limit["policy"] for limit in usage["request_limits"]] == ["key", "account"]
    own = usage["request_limits"][0]
    assert own["requests_per_second"] == 40
    assert 0 <= own["remaining"] <= own["burst"]

    found = await native.usage()
    assert (found.bytes.used, found.bytes.limit) == (usage["bytes"]["used"], usage["bytes"]["limit"])
    status, out, err = await Shell(stack, account, tmp_path).run("usage")
    assert status == 0, err
    lines = {line[:20].strip(): line[20:].split() for line in out.splitlines()}
    assert lines["files"] == ["1", "50", "2%"]
    status, out, err = await Shell(stack, account, tmp_path).run("usage", "--json")
    assert (status, json.loads(out)["files"]) == (0, {"used": "1", "limit": "50"}), err
    shown = json.loads(await asyncio.to_thread(stack.admin, "accounts", "usage", "--account", account.id))
    assert (shown["files"], [limit["policy"] for limit in shown["request_limits"]]) == ({"used": "1", "limit": "50"}, ["account"])


async def test_a_key_needs_the_scope(stack: StackUnderTest, native: AsyncClient) -> None:
    _, secret = await native.keys.create("uploader", ["files:write"])
    async with AsyncClient(stack.url, secret) as uploader:
        with pytest.raises(ApiError) as refused:
            await uploader.usage()
    assert refused.value.reason == "PERMISSION_DENIED"
