"""People at `/v1` through the public port: signing in and out, what their roles permit, and links that sign in once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from darkroom import AsyncClient
from darkroom.common.v1 import options_pb2, scope_pb2
from darkroom.common.v1.scopes import SCOPES, scope_text
from darkroom.operations.v1 import noop_pb2, operation_pb2
from deploy.local.access import invitation, make_link
from deploy.local.commands import main
from services.accounts.permissions import PERMISSIONS
from services.platform.rpc import catalogue
from services.platform.rpc.permissions import access_of, scope_of
from tests.stacks import StackUnderTest
from tests.system.pilio import Pilio
from tests.system.snapotter import PASSWORD, SnapOtter, new_name

FIRST, NEW = "First-Password-1", "Another-Horse-1"
ROUTES = [route for route in catalogue.routes() if route.surface.name == "rest" and access_of(route.method) == options_pb2.ACCESS_ACCOUNT]
SLOW = operation_pb2.Operation(noop=noop_pb2.Noop(steps=300, step_milliseconds=100))


@asynccontextmanager
async def caller(stack: StackUnderTest, secret: str) -> AsyncIterator[Pilio]:
    """A client with a session's token or a key. Each of its replies is held against the reference."""
    async with httpx.AsyncClient(timeout=60) as http:
        yield Pilio(stack.url, secret, http)


async def sign_in(stack: StackUnderTest, **body: str) -> httpx.Response:
    async with caller(stack, "none") as nobody:
        return await nobody.post("/v1/sessions", body)


async def called(client: Pilio, route: catalogue.Route) -> tuple[int, int]:
    """HTTP status and code of a call whose variables and body say nothing useful. Of a stream, only the status is read."""
    path = "/".join("1" if part.startswith("{") else part for part in route.template.text.split("/"))
    content: dict[str, Any] = {} if route.verb in ("GET", "DELETE") else {"json": {}}
    async with client.http.stream(route.verb, f"{client.url}{path}", headers=client.headers, **content) as reply:
        if reply.headers["content-type"].startswith("text/event-stream"):
            return reply.status_code, 200
        return reply.status_code, json.loads(await reply.aread())["code"]


async def test_from_signing_in_to_signing_out(stack: StackUnderTest, admin: SnapOtter) -> None:
    user, _ = await admin.person("editor")
    reply = await sign_in(stack, user_name=user["username"], password=PASSWORD)
    assert reply.status_code == 200, reply.text
    session = reply.json()["data"]
    me = session["me"]
    assert (me["kind"], me["all_scopes"], me["expires_at"]) == ("session", False, session["expires_at"])
    assert me["user"] == {
        "id": user["id"],
        "name": user["username"],
        "role": "editor",
        "team": "Default",
        "must_change_password": False,
        "needs_current_password": True,
    }
    assert me["scopes"] == ["files:read", "files:write", "tasks:read", "tasks:write", "billing:read"]
    assert "files:all" in me["permissions"]
    async with caller(stack, session["token"]) as person:
        assert (await person.get("/v1/me")).json()["data"] == me
        assert (await person.get("/v1/usage")).status_code == 200
        created = await person.post("/v1/files/batch-create", {"files": []})
        assert created.json()["code"] == 40001
        refused = await person.post("/v1/sessions/current/password", {"current_password": NEW, "new_password": NEW})
        assert (refused.status_code, refused.json()["code"]) == (401, 40182)
        ended = await person.delete("/v1/sessions/current")
        assert (ended.status_code, ended.json()) == (200, {"code": 200, "message": "success", "data": None})
        for gone in (await person.get("/v1/me"), await person.get("/v1/usage"), await person.delete("/v1/sessions/current")):
            assert (gone.status_code, gone.json()["code"]) == (401, 1402)


async def test_what_signing_in_refuses(stack: StackUnderTest, admin: SnapOtter) -> None:
    user, _ = await admin.person()
    wrong = [(user["username"], "Wrong-Password-1"), (new_name(), PASSWORD), ("a\0b", "\0")]
    for name, password in wrong:
        refused = await sign_in(stack, user_name=name, password=password)
        assert (refused.status_code, refused.json()["code"]) == (401, 40181)
    for body in (
        {},
        {"user_name": "x"},
        {"user_name": "x", "password": "y", "sign_in_token": "z"},
        {"password": "y", "sign_in_token": "z"},
    ):
        refused = await sign_in(stack, **body)
        assert (refused.status_code, refused.json()["code"]) == (400, 40001), body


async def test_each_call_asks_for_what_the_role_permits(stack: StackUnderTest, admin: SnapOtter) -> None:
    _, person = await admin.person()
    async with caller(stack, person.token) as user, caller(stack, admin.token) as boss:
        allowed = (await user.get("/v1/me")).json()["data"]["scopes"]
        told = (await boss.get("/v1/me")).json()["data"]
        assert (told["all_scopes"], told["scopes"], told["permissions"]) == (True, list(SCOPES), sorted(PERMISSIONS))
        for route in ROUTES:
            scope, named = scope_of(route.method), f"{route.verb} {route.template.text}"
            if scope != scope_pb2.SCOPE_ANY and scope_text(scope) not in allowed:
                assert await called(user, route) == (403, 40300), named
            elif catalogue.is_read(route.method) and not route.method.server_streaming:
                assert (await called(user, route))[0] not in (401, 403), named
            if catalogue.is_read(route.method) and not route.method.server_streaming:
                assert (await called(boss, route))[0] not in (401, 403), named
        # An administrator creates keys of the account; a key of that person does not, for those would outlive it.
        made = (await boss.post("/v1/keys", {"name": "x", "scopes": ["tasks:read"]})).json()["data"]["key"]
        rotated = (await boss.post(f"/v1/keys/{made['id']}/rotate", {"overlap_seconds": 0})).json()["data"]
        assert (rotated["key"]["scopes"], "created_by" in rotated["key"]) == (["tasks:read"], False)
        assert (await boss.delete(f"/v1/keys/{rotated['key']['id']}")).status_code == 200
        own = (await boss.post("/v1/me/keys", {"name": "x"})).json()["data"]["secret"]
    async with caller(stack, own) as by_key:
        refused = await by_key.post("/v1/keys", {"name": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, 40300)


async def test_a_key_of_a_person_in_either_header(stack: StackUnderTest, admin: SnapOtter) -> None:
    user, person = await admin.person()
    async with AsyncClient(stack.url, person.token) as client:
        _, secret = await client.user_keys.create("ci", permissions=["tools:use"])
    async with caller(stack, secret) as by_key:
        me = (await by_key.get("/v1/me")).json()["data"]
        assert (me["kind"], me["user"]["id"], me["permissions"], "expires_at" in me) == ("user_key", user["id"], ["tools:use"], False)
        other = await by_key.http.get(f"{stack.url}/v1/me", headers={"X-API-Key": secret})
        assert other.json()["data"] == me
        for reply in (
            await by_key.delete("/v1/sessions/current"),
            await by_key.post("/v1/sessions/current/password", {"new_password": NEW}),
        ):
            assert (reply.status_code, reply.json()["code"]) == (401, 40180)
        in_key_header = await by_key.http.get(f"{stack.url}/v1/me", headers={"X-API-Key": person.token})
        assert (in_key_header.status_code, in_key_header.json()["code"]) == (401, 1402)


async def test_a_key_of_the_account(pilio: Pilio) -> None:
    me = (await pilio.get("/v1/me")).json()["data"]
    assert (me["kind"], me["account_name"], me["all_scopes"], me["scopes"]) == ("account_key", "test", True, list(SCOPES))
    assert me["permissions"] == sorted(PERMISSIONS)
    assert "user" not in me
    limited = (await pilio.post("/v1/keys", {"name": "x", "scopes": ["tasks:read"]})).json()["data"]["secret"]
    me = (await Pilio(pilio.url, limited, pilio.http).get("/v1/me")).json()["data"]
    assert (me["all_scopes"], me["scopes"], me["permissions"]) == (False, ["tasks:read"], [])


async def test_who_must_change_the_password_can_do_nothing_else(stack: StackUnderTest, admin: SnapOtter) -> None:
    name = new_name()
    async with AsyncClient(stack.url, admin.token) as client:
        await client.users.create(name, FIRST)
    session = (await sign_in(stack, user_name=name, password=FIRST)).json()["data"]
    assert (session["me"]["user"]["must_change_password"], session["me"]["scopes"]) == (True, [])
    async with caller(stack, session["token"]) as person:
        for route in ROUTES:
            if scope_of(route.method) != scope_pb2.SCOPE_ANY:
                assert await called(person, route) == (403, 40380), f"{route.verb} {route.template.text}"
        form = await person.http.post(f"{stack.url}/v1/images/remove-background", files={"file": ("a.png", b"x")}, headers=person.headers)
        assert (form.status_code, form.json()["code"]) == (403, 40380)
        assert (await person.get("/v1/me")).json()["data"] == session["me"]
        refused = await person.post("/v1/sessions/current/password", {"new_password": NEW})
        assert (refused.json()["code"], refused.json()["data"]["field"]) == (40001, "current_password")
        changed = await person.post("/v1/sessions/current/password", {"current_password": FIRST, "new_password": NEW})
        assert changed.status_code == 200, changed.text
        assert not (await person.get("/v1/me")).json()["data"]["user"]["must_change_password"]
        assert (await person.get("/v1/usage")).status_code == 200


async def test_streams_end_with_the_session(stack: StackUnderTest, admin: SnapOtter) -> None:
    user, _ = await admin.person()
    token = (await sign_in(stack, user_name=user["username"], password=PASSWORD)).json()["data"]["token"]
    async with caller(stack, token) as person, AsyncClient(stack.url, token) as client:
        task = await client.create_task([], [SLOW])
        async with person.http.stream("GET", f"{stack.url}/v1/tasks/{task.id}/events", headers=person.headers) as events:
            lines = events.aiter_lines()
            await anext(lines)
            await person.delete("/v1/sessions/current")
            async with asyncio.timeout(60):
                rest = [line async for line in lines]
        assert not any('"Succeeded"' in line for line in rest)
    async with AsyncClient(stack.url, admin.token) as boss:
        await boss.cancel_task(task.id)


async def test_a_link_signs_in_once(stack: StackUnderTest, admin: SnapOtter, capsys: pytest.CaptureFixture[str]) -> None:
    user, _ = await admin.person()
    link = await asyncio.to_thread(stack.run, make_link(stack.stack.config, user["username"]))
    beginning, _, token = link.rpartition("/")
    assert beginning == f"{stack.url}/#/sign-in"
    replies = await asyncio.gather(*(sign_in(stack, sign_in_token=token) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 401, 401, 401, 401]
    [session] = [reply.json()["data"] for reply in replies if reply.status_code == 200]
    assert session["me"]["user"]["id"] == user["id"]
    assert session["me"]["user"]["needs_current_password"]
    refused = next(reply.json() for reply in replies if reply.status_code == 401)
    assert refused["code"] == 40181
    assert "has been used or has expired" in refused["message"]
    assert "make link" in refused["message"]
    async with caller(stack, session["token"]) as person:
        assert (await person.get("/v1/me")).json()["data"] == session["me"]
    # What `up` prints, and from the command line, for the first administrator.
    told = await asyncio.to_thread(stack.run, invitation(stack.stack.config))
    first = await sign_in(stack, sign_in_token=told.removeprefix(f"Open in a browser (signs in once): {stack.url}/#/sign-in/"))
    assert first.json()["data"]["me"]["user"]["name"] == "admin"
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["--dir", str(stack.dir), "link", "--minutes", "1"]) == 0
    printed = capsys.readouterr().out.strip()
    signed_in = (await sign_in(stack, sign_in_token=printed.removeprefix(f"{stack.url}/#/sign-in/"))).json()
    assert signed_in["data"]["me"]["user"]["name"] == "admin"
    assert signed_in["data"]["me"]["all_scopes"]
    assert await asyncio.to_thread(main, ["--dir", str(stack.dir), "link", "--user", new_name()]) == 1
    assert "User not found" in capsys.readouterr().err
