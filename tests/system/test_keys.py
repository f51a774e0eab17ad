"""Keys with limits, through the public port and from the terminal."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkroom import ApiError, AsyncClient, NotFound
from darkroom.common.v1.scopes import SCOPES
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.shell import Shell

PATIENCE_SECONDS = 30.0


async def test_a_key_does_what_its_scopes_say(stack: StackUnderTest, native: AsyncClient) -> None:
    key, secret = await native.keys.create("reader", ["tasks:read"])
    assert [scope for scope, value in SCOPES.items() if value in key.scopes] == ["tasks:read"]
    reader = Pilio(stack.url, secret)
    # Allowed, and there is no such task.
    assert (await reader.get("/v1/tasks/1/status")).status_code == 404
    for path, body in (("/v1/images/upscale", {"image_file_id": "1"}), ("/v1/files/batch-create", {"files": []})):
        refused = await reader.post(path, body)
        assert (refused.status_code, refused.json()["data"]["error_code"]) == (403, "permission_denied")
        assert ":write" in refused.json()["message"]
    await reader.http.aclose()
    async with AsyncClient(stack.url, secret) as limited:
        assert await limited.list_tasks() == []
        for call in (limited.list_files(), limited.keys.list(), limited.keys.create("more")):
            with pytest.raises(ApiError) as caught:
                await call
            assert caught.value.reason == "PERMISSION_DENIED"


async def test_the_main_job_needs_three_scopes(stack: StackUnderTest, native: AsyncClient, tmp_path: Path) -> None:
    """As docs/how-to/api-keys.md and docs/how-to/service-account.md say."""
    scopes = ["files:write", "tasks:read", "tasks:write"]
    _, secret = await native.keys.create("backend", scopes)
    (tmp_path / "one.png").write_bytes(encoded(disc(64, 48), "PNG"))
    shell = Shell(stack, Account("", secret), tmp_path)
    status, out, err = await shell.run("remove-background", "one.png", "--output", "cut", "--json")
    assert status == 0, out + err
    line = json.loads(out)
    assert [(tmp_path / path).exists() for path in line["outputs"]] == [True]
    status, out, err = await shell.run("task", "download", str(line["task_id"]), "--output", "again")
    assert status == 0, out + err
    async with AsyncClient(stack.url, secret) as backend:
        assert await backend.scopes() == scopes
        task = await backend.get_task(int(line["task_id"]))
        [path] = await backend.download(task, tmp_path / "sdk")
        assert path.read_bytes() == (tmp_path / line["outputs"][0]).read_bytes()
        with pytest.raises(ApiError, match="files:read"):
            await backend.download(task.output_file_ids, tmp_path / "by-id")
        await native.delete_file(task.output_file_ids[0])
        with pytest.raises(NotFound, match="1 of the 1 results"):
            await backend.download(task, tmp_path / "gone")
    async with AsyncClient(stack.url, stack.create_account("stranger").api_key) as stranger:
        with pytest.raises(NotFound):
            await stranger.download(task, tmp_path / "foreign")


async def test_doctor_says_what_the_main_job_lacks(stack: StackUnderTest, native: AsyncClient, tmp_path: Path) -> None:
    for scopes, verdict in (
        (["files:write", "tasks:write", "tasks:read"], "good"),
        (["files:read", "files:write", "tasks:write"], "doubtful"),
    ):
        _, secret = await native.keys.create("doctor", scopes)
        _, out, err = await Shell(stack, Account("", secret), tmp_path).run("doctor", "--json")
        [found] = [line for line in map(json.loads, out.splitlines()) if line["check"] == "scopes"]
        assert found["verdict"] == verdict, out + err
        assert verdict == "good" or "the key lacks tasks:read" in found["detail"]


async def test_a_key_whose_time_is_over_says_so(stack: StackUnderTest, native: AsyncClient) -> None:
    key, secret = await native.keys.create("visitor", expire_time=datetime.now(UTC) + timedelta(hours=1))
    async with AsyncClient(stack.url, secret) as visitor:
        await visitor.account()
        await asyncio.to_thread(stack.fetch, "accounts", "UPDATE api_key SET expires_at = now() WHERE id = $1", key.id)
        deadline = time.monotonic() + PATIENCE_SECONDS
        # What accounts remembers of the key is asked for again after a few seconds.
        with pytest.raises(ApiError, match=r"This API key expired at .* UTC\.") as refused:
            while time.monotonic() < deadline:
                await visitor.account()
                await asyncio.sleep(0.2)
    assert refused.value.reason == "API_KEY_INVALID"


async def test_a_key_works_only_from_its_networks(
    stack: StackUnderTest, account: Account, native: AsyncClient, pilio: Pilio, tmp_path: Path
) -> None:
    shell = Shell(stack, account, tmp_path)
    status, out, err = await shell.run("key", "create", "here", "--from", "10.1.2.3/8")
    assert (status, "--from" in err, "10.0.0.0/8" in err) == (2, True, True), err
    status, out, err = await shell.run("key", "create", "here", "--from", "127.0.0.0/8", "--from", "::ffff:10.1.0.0/112", "--json")
    assert status == 0, err
    created = json.loads(out)
    assert created["api_key"]["allowed_networks"] == ["10.1.0.0/16", "127.0.0.0/8"]
    async with AsyncClient(stack.url, created["secret"]) as here:
        assert (await here.account()).id
        with pytest.raises(ApiError, match=r"192\.0\.2\.0/24 itself") as caught:
            await here.keys.create("elsewhere", allowed_networks=["127.0.0.1", "192.0.2.0/24"])
        assert (caught.value.reason, caught.value.field) == ("PERMISSION_DENIED", "allowed_networks")
        child, _ = await here.keys.create("child")
        assert list(child.allowed_networks) == ["10.1.0.0/16", "127.0.0.0/8"]
    body = {"name": "elsewhere", "allowed_networks": ["192.0.2.0/24"]}
    elsewhere = Pilio(stack.url, (await pilio.post("/v1/keys", body)).json()["data"]["secret"])
    reply = await elsewhere.get("/v1/tasks/1/status")
    assert (reply.status_code, reply.json()["code"], reply.json()["data"]) == (403, 40330, {"error_code": "address_not_allowed"})
    await elsewhere.http.aclose()
    status, _, err = await Shell(stack, Account("", elsewhere.api_key), tmp_path).run("key", "ls")
    assert (status, "may not be used from 127.0.0.1" in err) == (4, True), err
    for wrong, field in (
        (["10.1.2.3/8"], "allowed_networks[0]"),
        (["10.0.0.0/8", "home"], "allowed_networks[1]"),
        (["::"] * 2, "allowed_networks"),
    ):
        refused = await pilio.post("/v1/keys", {"name": "x", "allowed_networks": wrong})
        assert (refused.status_code, refused.json()["data"]["field"]) == (400, field), refused.text


async def test_commands(stack: StackUnderTest, account: Account, tmp_path: Path) -> None:
    shell = Shell(stack, account, tmp_path)
    status, out, err = await shell.run(
        "key", "create", "ci", "--scope", "tasks:read", "--scope", "files:write", "--expires", "90d", "--json"
    )
    assert status == 0, err
    created = json.loads(out)
    assert created["api_key"]["scopes"] == ["SCOPE_FILES_WRITE", "SCOPE_TASKS_READ"]
    assert created["secret"].startswith(created["api_key"]["prefix"])
    for wrong in (("--scope", "tasks:everything"), ("--expires", "soon")):
        status, _, err = await shell.run("key", "create", "ci", *wrong)
        assert status == 2, err
    status, out, _ = await shell.run("key", "ls")
    (line,) = (line for line in out.splitlines() if created["api_key"]["id"] in line)
    assert "files:write, tasks:read" in line
    assert "valid until" in line
    assert created["secret"] not in out
    status, out, err = await shell.run("key", "rotate", created["api_key"]["id"], "--overlap", "2h", "--json")
    assert status == 0, err
    rotated = json.loads(out)
    assert rotated["api_key"]["replaces_id"] == rotated["replaced"]["id"] == created["api_key"]["id"]
    status, out, _ = await shell.run("key", "revoke", rotated["api_key"]["id"])
    assert (status, out.strip()) == (0, f"also revoked: {created['api_key']['id']} (ci)")
    status, out, _ = await shell.run("key", "ls", "--json")
    assert [("revoke_time" in key) for key in map(json.loads, out.splitlines())] == [True, True, False]


async def test_a_rotated_key_and_its_predecessor_both_work_until_the_overlap_is_over(stack: StackUnderTest, pilio: Pilio) -> None:
    created = (await pilio.post("/v1/keys", {"name": "ci", "scopes": ["keys:write", "tasks:read"]})).json()["data"]
    old = Pilio(stack.url, created["secret"])
    child = (await old.post("/v1/keys", {"name": "child"})).json()["data"]
    assert child["key"]["created_by"] == created["key"]["id"]
    for overlap in (-1, 2592001):
        refused = await old.post(f"/v1/keys/{created['key']['id']}/rotate", {"overlap_seconds": overlap})
        assert (refused.status_code, refused.json()["data"]["field"]) == (400, "overlap_seconds")
    rotated = (await old.post(f"/v1/keys/{created['key']['id']}/rotate", {"overlap_seconds": 3600})).json()["data"]
    assert rotated["key"]["replaces"] == rotated["replaced_key"]["id"] == created["key"]["id"]
    ends = datetime.fromisoformat(rotated["replaced_key"]["expires_at"])
    assert timedelta(minutes=50) < ends - datetime.now(UTC) < timedelta(minutes=61)
    new = Pilio(stack.url, rotated["secret"])
    for caller in (old, new):
        assert (await caller.get("/v1/tasks/1/status")).status_code == 404
    again = await new.post(f"/v1/keys/{created['key']['id']}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, 40905)
    assert rotated["key"]["id"] in again.json()["message"]
    # All that the old key has created goes with the key that replaced it.
    assert (await pilio.delete(f"/v1/keys/{rotated['key']['id']}")).status_code == 200
    kin = {rotated["key"]["id"], created["key"]["id"], child["key"]["id"]}
    assert kin == {key["id"] for key in (await pilio.get("/v1/keys")).json()["data"]["items"] if "revoked_at" in key}
    for caller in (old, new):
        assert (await caller.get("/v1/tasks/1/status")).status_code == 401
        await caller.http.aclose()


async def test_a_creation_that_is_repeated_shows_the_same_key_on_both_surfaces(native: AsyncClient, pilio: Pilio) -> None:
    before = len(await native.keys.list())
    body, headers = {"name": "ci", "scopes": ["tasks:read"]}, {**pilio.headers, "Idempotency-Key": "monday"}
    first, second = [await pilio.http.post(f"{pilio.url}/v1/keys", json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    other = await pilio.http.post(f"{pilio.url}/v1/keys", json={"name": "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, 40900)
    made = [await native.keys.create("backend", idempotency_key="monday") for _ in range(2)]
    assert made[0] == made[1]
    assert len(await native.keys.list()) == before + 2
    for key_id in (int(first.json()["data"]["key"]["id"]), made[0][0].id):
        await native.keys.revoke(key_id)


async def test_keys_as_json(stack: StackUnderTest, pilio: Pilio) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    created = await pilio.post("/v1/keys", {"name": "ci", "scopes": ["keys:write", "tasks:read"], "expires_at": ends})
    assert created.status_code == 200, created.text
    key, limited = created.json()["data"]["key"], Pilio(stack.url, created.json()["data"]["secret"])
    assert key["scopes"] == ["keys:write", "tasks:read"]
    assert datetime.fromisoformat(key["expires_at"]) == datetime.fromisoformat(ends)
    for body, status, field in (
        ({"name": "more", "scopes": ["files:read"]}, 403, "scopes"),
        ({"name": "longer", "expires_at": "2100-01-01T00:00:00Z"}, 403, "expires_at"),
        ({"name": "over", "expires_at": "2020-01-01T00:00:00Z"}, 400, "expires_at"),
        ({"name": "odd", "scopes": ["tasks:everything"]}, 400, "scopes[0]"),
        ({}, 400, "name"),
    ):
        refused = await limited.post("/v1/keys", body)
        assert (refused.status_code, refused.json()["data"]["field"]) == (status, field), refused.text
    assert (await limited.get("/v1/keys")).status_code == 403
    revoked = await pilio.delete(f"/v1/keys/{key['id']}")
    assert revoked.json()["data"]["revoked_at"]
    listed = (await pilio.get("/v1/keys")).json()["data"]["items"]
    assert [("revoked_at" in one) for one in listed] == [True, False]
    # An empty list would read as if the key could do nothing.
    assert [("scopes" in one) for one in listed] == [True, False]
    for unknown in ("1", "none"):
        assert (await pilio.delete(f"/v1/keys/{unknown}")).json()["code"] == 40404
    await limited.http.aclose()
