"""People, roles, teams, keys of people, settings, the logo and bundles at `/v1`, through the public port."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from darkroom import AsyncClient
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import PASSWORD, SnapOtter, new_name
from tests.system.test_rest_sessions import caller, sign_in

FIRST = "First-Password-1"
LOGO = "/v1/branding/logo"


@pytest.fixture
async def boss(stack: StackUnderTest, admin: SnapOtter) -> AsyncIterator[Pilio]:
    """The administrator. Each reply is held against the reference."""
    async with caller(stack, admin.token) as boss:
        yield boss


async def call(client: Pilio, verb: str, path: str, body: object = None) -> Any:
    reply = await client.http.request(verb, client.url + path, headers=client.headers, json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


async def refused(client: Pilio, verb: str, path: str, body: object = None) -> tuple[int, str | None]:
    """Code and field."""
    reply = await client.http.request(verb, client.url + path, headers=client.headers, json=body)
    assert reply.status_code != 200, reply.text
    return reply.json()["code"], reply.json()["data"].get("field")


async def test_users(stack: StackUnderTest, boss: Pilio) -> None:
    name = new_name()
    made = (await boss.post("/v1/users", {"name": name, "password": FIRST, "role": "editor"})).json()["data"]
    user = made["user"]
    assert "sign_in_link" not in made
    assert (user["name"], user["role"], user["team"], user["must_change_password"]) == (name, "editor", "Default", True)
    assert user in (await boss.get("/v1/users")).json()["data"]["items"]
    assert await refused(boss, "POST", "/v1/users", {"name": name, "password": FIRST}) == (40980, "name")
    assert await refused(boss, "POST", "/v1/users", {"name": "a b", "password": FIRST}) == (40001, "name")
    assert await refused(boss, "POST", "/v1/users", {"name": new_name(), "role": "none"}) == (40001, "role")
    one = f"/v1/users/{user['id']}"
    assert (await call(boss, "PATCH", one, {"role": "user"}))["role"] == "user"
    assert await refused(boss, "PATCH", one, {"role": "none"}) == (40001, "role")
    assert await call(boss, "POST", f"{one}/reset-password", {"new_password": "Second-Password-2"}) is None
    assert (await sign_in(stack, user_name=name, password="Second-Password-2")).status_code == 200
    assert await call(boss, "DELETE", one) is None
    assert await refused(boss, "DELETE", one) == (40480, None)


async def test_an_invitation(stack: StackUnderTest, boss: Pilio, admin: SnapOtter) -> None:
    name = new_name()
    made = (await boss.post("/v1/users", {"name": name, "minutes": 5})).json()["data"]
    link, user = made["sign_in_link"], made["user"]
    assert (user["has_password"], user["must_change_password"]) == (False, False)
    assert urlsplit(link["url"]).fragment == f"/sign-in/{link['token']}"
    renewed = (await boss.post(f"/v1/users/{user['id']}/sign-in-link", {})).json()["data"]
    assert renewed["token"] != link["token"]
    session = (await sign_in(stack, sign_in_token=link["token"])).json()["data"]
    assert session["me"]["user"]["needs_current_password"] is False
    async with caller(stack, session["token"]) as invited:
        assert await call(invited, "POST", "/v1/sessions/current/password", {"new_password": PASSWORD}) is None
        assert await refused(invited, "POST", "/v1/users", {"name": new_name()}) == (40300, None)
    assert (await sign_in(stack, sign_in_token=link["token"])).status_code == 401
    assert (await sign_in(stack, user_name=name, password=PASSWORD)).status_code == 200
    # Nobody makes a link for somebody who may do more.
    role = await call(boss, "POST", "/v1/roles", {"name": new_name(), "permissions": ["users:manage"]})
    _, manager = await admin.person(role["name"])
    async with caller(stack, manager.token) as manages:
        mine = (await call(boss, "GET", "/v1/me"))["user"]["id"]
        assert await refused(manages, "POST", f"/v1/users/{mine}/sign-in-link", {}) == (40382, None)
        assert await refused(manages, "POST", "/v1/users", {"name": new_name(), "role": "admin"}) == (40382, "role")
        other = (await admin.person("admin"))[0]["id"]
        for verb, body in (("PATCH", {"team": "Default"}), ("PATCH", {"role": "user"}), ("DELETE", None)):
            code, field = await refused(manages, verb, f"/v1/users/{other}", body)
            assert (code, field) == (40382, "role" if body == {"role": "user"} else None)
    async with AsyncClient(stack.url, admin.token) as client:
        person, by_native = await client.users.invite(new_name(), role="editor")
        assert (person.role, "/#/sign-in/" in by_native.url) == ("editor", True)
        assert (await client.users.create_sign_in_link(person.id)).url != by_native.url


async def test_roles_and_teams(boss: Pilio) -> None:
    name = new_name()
    role = (await boss.post("/v1/roles", {"name": name, "permissions": ["files:own"]})).json()["data"]
    listed = (await boss.get("/v1/roles")).json()["data"]
    assert role in listed["items"]
    assert "users:manage" in listed["permissions"]
    assert await refused(boss, "POST", "/v1/roles", {"name": name, "permissions": ["nonsense"]}) == (40001, "permissions")
    changed = await call(boss, "PUT", f"/v1/roles/{role['id']}", {"name": name, "description": "Looks", "permissions": ["tools:use"]})
    assert (changed["description"], changed["permissions"]) == ("Looks", ["tools:use"])
    assert await refused(boss, "DELETE", "/v1/roles/builtin-admin") == (40001, "id")
    assert await call(boss, "DELETE", f"/v1/roles/{role['id']}") is None
    team = (await boss.post("/v1/teams", {"name": name})).json()["data"]
    assert team in (await boss.get("/v1/teams")).json()["data"]["items"]
    assert (await call(boss, "PUT", f"/v1/teams/{team['id']}", {"name": f"{name}-2"}))["name"] == f"{name}-2"
    assert await refused(boss, "POST", "/v1/teams", {"name": f"{name}-2"}) == (40980, "name")
    assert await call(boss, "DELETE", f"/v1/teams/{team['id']}") is None


async def test_calls_that_are_repeated(stack: StackUnderTest, boss: Pilio) -> None:
    async def post(path: str, body: object, by: Pilio = boss) -> httpx.Response:
        return await by.http.post(boss.url + path, headers={**by.headers, "Idempotency-Key": name}, json=body)

    name = new_name()
    calls: tuple[tuple[str, dict[str, object], dict[str, object]], ...] = (
        ("/v1/users", {"name": name, "minutes": 5}, {"name": name, "minutes": 6}),
        ("/v1/roles", {"name": name, "permissions": ["files:own"]}, {"name": name, "permissions": ["tools:use"]}),
        ("/v1/teams", {"name": name}, {"name": f"{name}-2"}),
        ("/v1/me/keys", {"name": name}, {"name": f"{name}-2"}),
    )
    replies = []
    for path, body, other in calls:
        first, second, differs = await post(path, body), await post(path, body), await post(path, other)
        assert (first.status_code, second.json()["data"]) == (200, first.json()["data"])
        assert (differs.status_code, differs.json()["code"]) == (409, 40900)
        replies.append(first.json()["data"])
    invited, role, _, key = replies
    log = (await boss.get("/v1/audit?page_size=1000")).json()["data"]["items"]
    told = [each["action"] for each in log if name in str(each["details"])]
    assert sorted(told) == ["key.created", "role.created", "session.link_created", "team.created", "user.created"]
    # Neither a link nor a key for somebody else of the account who knows the idempotency key.
    async with caller(stack, key["secret"]) as by_key:
        for path, body, _ in (calls[0], calls[3]):
            assert (await post(path, body, by_key)).json()["code"] == 40900
    assert (await sign_in(stack, sign_in_token=invited["sign_in_link"]["token"])).status_code == 200
    assert await call(boss, "DELETE", f"/v1/roles/{role['id']}") is None
    assert (await post(*calls[1][:2])).json()["code"] == 40481


async def test_keys_settings_and_bundles(stack: StackUnderTest, boss: Pilio, person: SnapOtter) -> None:
    async with caller(stack, person.token) as somebody:
        made = (await somebody.post("/v1/me/keys", {"name": "ci", "permissions": ["tools:use"]})).json()["data"]
        assert (await somebody.get("/v1/me/keys")).json()["data"]["items"] == [made["key"]]
        async with caller(stack, made["secret"]) as by_key:
            assert (await by_key.get("/v1/me")).json()["data"]["kind"] == "user_key"
        assert await refused(somebody, "POST", "/v1/me/keys", {"permissions": ["users:manage"]}) == (40001, "permissions")
        assert await refused(somebody, "POST", "/v1/me/keys", {"expires_at": "2020-01-01T00:00:00Z"}) == (40001, "expires_at")
        assert await call(somebody, "DELETE", f"/v1/me/keys/{made['key']['id']}") is None
        assert await refused(somebody, "PATCH", "/v1/settings", {"settings": []}) == (40300, None)
        assert "used_bytes" not in (await somebody.get("/v1/bundles")).json()["data"]
    name = new_name()
    written = await call(boss, "PATCH", "/v1/settings", {"settings": [{"name": name, "value": "dark"}]})
    assert [one["value"] for one in written["items"] if one["name"] == name] == ["dark"]
    assert (await boss.get(f"/v1/settings/{name}")).json()["data"]["value"] == "dark"
    twice = [{"name": name, "value": "a"}, {"name": name, "value": "b"}]
    assert await refused(boss, "PATCH", "/v1/settings", {"settings": twice}) == (40001, "settings[1].name")
    await call(boss, "PATCH", "/v1/settings", {"removed": [name]})
    assert await refused(boss, "GET", f"/v1/settings/{name}") == (40490, None)
    bundles = (await boss.get("/v1/bundles")).json()["data"]["items"]
    assert "remove_background" in next(one["operations"] for one in bundles if one["id"] == "background-removal")
    assert await refused(boss, "POST", "/v1/bundles/nonsense/install") in ((40495, None), (40009, None))


@pytest.mark.xdist_group("logo")
async def test_the_logo(stack: StackUnderTest, boss: Pilio, person: SnapOtter) -> None:
    async def shown() -> httpx.Response:
        return await boss.http.get(stack.url + LOGO)

    picture = encoded(disc(400, 100), "JPEG")
    files = {"file": ("photo.jpg", picture)}
    reply = await boss.http.post(stack.url + LOGO, files=files, headers=boss.headers)
    assert reply.status_code == 200, reply.text
    branding = (await boss.http.get(f"{stack.url}/v1/branding")).json()["data"]
    assert branding == reply.json()["data"]
    logo = await boss.http.get(stack.url + branding["logo_path"])
    assert logo.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(logo.content)).size == (128, 32)
    nothing = await boss.http.post(stack.url + LOGO, files={"file": ("a.txt", b"no picture")}, headers=boss.headers)
    assert (nothing.status_code, nothing.json()["data"]["field"]) == (400, "file")
    theirs = await boss.http.post(stack.url + LOGO, files=files, headers={"Authorization": f"Bearer {person.token}"})
    assert theirs.status_code == 403
    assert (await shown()).content == logo.content
    small = encoded(disc(9, 9), "PNG")
    await boss.post(LOGO, {"png": base64.b64encode(small).decode()})
    assert (await shown()).content == small
    assert await refused(boss, "POST", LOGO, {"png": base64.b64encode(picture).decode()}) == (40001, "png")
    assert await call(boss, "DELETE", LOGO) is None
    assert (await shown()).json()["code"] == 40491
