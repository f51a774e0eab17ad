"""The audit log of an account, which three services keep, read through the public port."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from darkroom import ApiError, AsyncClient
from darkroom.common.v1 import audit_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.pilio import Pilio
from tests.system.shell import Shell


async def test_the_owner_sees_who_changed_what_and_from_where(
    stack: StackUnderTest, account: Account, native: AsyncClient, pilio: Pilio, portrait: bytes
) -> None:
    # The edge would obey the last one from a client that it took for a service.
    headers = {**pilio.headers, "user-agent": "curl/8", "x-envoy-external-address": "203.0.113.7", "x-envoy-upstream-rq-timeout-ms": "1"}
    created = await pilio.http.post(f"{pilio.url}/v1/keys", json={"name": "ci", "scopes": ["files:write"]}, headers=headers)
    key_id = created.json()["data"]["key"]["id"]
    webhook = await pilio.post("/v1/webhooks", {"url": "http://127.0.0.1:1/in?token=hidden"})
    assert webhook.status_code == 200, webhook.text
    file_id = await pilio.upload("a.jpg", portrait)
    await native.delete_file(int(file_id))
    await asyncio.to_thread(stack.admin, "tasks", "grant", "--account", account.id, "--credits", "5")
    forwarded = {**pilio.headers, "x-forwarded-for": "203.0.113.8"}
    assert (await pilio.http.delete(f"{pilio.url}/v1/keys/{key_id}", headers=forwarded)).status_code == 200
    pages, token = [], ""
    while True:
        page = (await pilio.get(f"/v1/audit?page_size=2&page_token={token}")).json()["data"]
        pages.append(page["items"])
        token = page.get("next_page_token", "")
        if not token:
            break
    entries = [entry for page in pages for entry in page][::-1]
    assert [entry["action"] for entry in entries] == [
        "account.created",
        "key.created",
        "key.created",
        "webhook.created",
        "file.deleted",
        "credits.granted",
        "key.revoked",
    ]
    made = entries[2]
    assert (made["resource_id"], made["actor"], made["address"], made["user_agent"]) == (key_id, "key", "127.0.0.1", "curl/8")
    assert made["request_id"] == created.headers["x-request-id"]
    assert {"name": "scopes", "value": "files:write"} in made["details"]
    assert (entries[4]["resource_id"], entries[4]["key_id"]) == (file_id, made["key_id"])
    assert entries[5]["actor"] == "operator"
    assert [entries[each]["address"] for each in (3, 4, 6)] == ["127.0.0.1"] * 3
    assert not any(
        hidden in json.dumps(entries) for hidden in ("hidden", created.json()["data"]["secret"], webhook.json()["data"]["secret"])
    )
    only = (await pilio.get(f"/v1/audit?action=key.created&action=key.revoked&resource_id={key_id}")).json()["data"]["items"]
    assert [entry["action"] for entry in only] == ["key.revoked", "key.created"]
    for wrong, field in (("action=key.stolen", "action[0]"), ("page_token=x", "page_token"), ("resource_id=x", "resource_id")):
        refused = await pilio.get(f"/v1/audit?{wrong}")
        assert (refused.status_code, refused.json()["data"]["field"]) == (400, field), refused.text
    listed = await native.list_audit(actions=[audit_pb2.AUDIT_ACTION_WEBHOOK_CREATED])
    assert [entry.details["host"] for entry in listed] == ["http://127.0.0.1:1"]


async def test_a_key_needs_the_scope(stack: StackUnderTest, native: AsyncClient) -> None:
    _, secret = await native.keys.create("reader", ["keys:read"])
    async with AsyncClient(stack.url, secret) as reader:
        with pytest.raises(ApiError) as refused:
            await reader.list_audit()
    assert refused.value.reason == "PERMISSION_DENIED"


@pytest.mark.thorough
async def test_command(stack: StackUnderTest, account: Account, tmp_path: Path) -> None:
    shell = Shell(stack, account, tmp_path)
    status, out, err = await shell.run("audit", "--action", "key.created", "--json")
    assert status == 0, err
    [entry] = map(json.loads, out.splitlines())
    assert entry["action"] == "AUDIT_ACTION_KEY_CREATED"
    status, out, _ = await shell.run("audit")
    assert status == 0
    assert "account.created" in out
    listed = json.loads(await asyncio.to_thread(stack.admin, "accounts", "audit", "--account", account.id))
    assert [one["action"] for one in listed] == ["key.created", "account.created"]
