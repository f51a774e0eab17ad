"""The audit log (section 2.7 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.system.pictures import disc, encoded
from tests.system.snapotter import PASSWORD, SnapOtter
from tests.system.test_snapotter_people import MOMENT, new_name, refused

PATH = "/api/v1/audit-log"
FIELDS = {"id", "actorId", "actorUsername", "action", "targetType", "targetId", "details", "ipAddress", "createdAt"}
PICTURE = encoded(disc(32, 24), "PNG")


async def log(admin: SnapOtter, action: str = "", limit: int = 100, **query: str) -> list[dict[str, Any]]:
    """The newest entries."""
    asked = {"limit": str(limit), **({"action": action} if action else {}), **query}
    reply = await admin.get(f"{PATH}?{'&'.join(f'{name}={quote(value)}' for name, value in asked.items())}")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"entries", "total", "page", "limit"}
    for entry in body["entries"]:
        assert set(entry) == FIELDS
        assert MOMENT.fullmatch(entry["createdAt"])
        assert uuid.UUID(entry["id"]).version == 4
    assert len({entry["id"] for entry in body["entries"]}) == len(body["entries"])
    entries: list[dict[str, Any]] = body["entries"]
    return entries


async def entry(admin: SnapOtter, action: str, **details: object) -> dict[str, Any]:
    """The newest entry of an action with these details among its own."""
    found = [each for each in await log(admin, action) if details.items() <= (each["details"] or {}).items()]
    assert found, details
    return found[0]


async def own_id(caller: SnapOtter) -> str:
    return str((await caller.get("/api/auth/session")).json()["user"]["id"])


async def test_signing_in_and_out(admin: SnapOtter) -> None:
    added, person = await admin.person()
    user = {"userId": added["id"], "username": added["username"]}
    made = await entry(admin, "LOGIN_SUCCESS", **user)
    assert (made["details"], made["actorId"], made["targetId"], made["targetType"]) == (user, added["id"], added["id"], "user")
    assert made["actorUsername"] == added["username"]
    changed = await entry(admin, "PASSWORD_CHANGED", **user)
    assert (changed["details"], changed["actorId"], changed["targetId"], changed["targetType"]) == (user, added["id"], added["id"], "user")
    await person.post("/api/auth/logout")
    left = await entry(admin, "LOGOUT", userId=added["id"])
    assert (left["details"], left["targetId"], left["targetType"]) == ({"userId": added["id"]}, added["id"], "user")


@pytest.mark.parametrize("known", [True, False])
async def test_failed_logins(admin: SnapOtter, visitor: SnapOtter, *, known: bool) -> None:
    name = (await admin.person())[0]["username"] if known else new_name()
    await visitor.post("/api/auth/login", {"username": name, "password": "Wrong-Password-9"})
    found = await entry(admin, "LOGIN_FAILED", username=name)
    assert found["details"] == {"username": name, "reason": "bad_password" if known else "unknown_user"}
    assert (found["actorId"], found["actorUsername"], found["targetId"], found["targetType"]) == (None, name, None, "user")
    assert "Wrong-Password-9" not in str(await log(admin))


async def test_what_is_done_to_people(admin: SnapOtter) -> None:
    me, (added, _) = await own_id(admin), await admin.person("editor")
    user, name = added["id"], added["username"]
    await admin.call("PUT", f"/api/auth/users/{user}", {"role": "user"})
    await admin.post(f"/api/auth/users/{user}/reset-password", {"newPassword": "Next-Password-2"})
    await admin.call("DELETE", f"/api/auth/users/{user}")
    expected = {
        "USER_CREATED": {"adminId": me, "newUserId": user, "newUsername": name, "role": "editor"},
        "USER_UPDATED": {"adminId": me, "targetUserId": user, "changes": {"role": "user"}},
        "PASSWORD_RESET": {"adminId": me, "targetUserId": user, "targetUsername": name},
        "USER_DELETED": {"adminId": me, "deletedUserId": user, "deletedUsername": name},
    }
    for action, details in expected.items():
        found = next(each for each in await log(admin, action) if each["targetId"] == user)
        assert (found["details"], found["actorId"], found["targetType"]) == (details, me, "user")
    assert (await entry(admin, "USER_CREATED", newUserId=user))["actorUsername"] == name
    assert "Next-Password-2" not in str(await log(admin))
    # What the person did stays, without an actor.
    assert (await entry(admin, "LOGIN_SUCCESS", userId=user))["actorId"] is None


async def test_keys(admin: SnapOtter) -> None:
    added, person = await admin.person()
    made = (await person.post("/api/v1/api-keys", {"name": "script"})).json()
    await person.call("DELETE", f"/api/v1/api-keys/{made['id']}")
    created, deleted = await entry(admin, "API_KEY_CREATED", keyId=made["id"]), await entry(admin, "API_KEY_DELETED", keyId=made["id"])
    assert created["details"] == {"userId": added["id"], "keyId": made["id"], "keyName": "script"}
    assert deleted["details"] == {"userId": added["id"], "keyId": made["id"]}
    for found in (created, deleted):
        assert (found["actorId"], found["targetId"], found["targetType"]) == (added["id"], made["id"], "api_key")
    assert made["key"] not in str(await log(admin))


async def test_roles(admin: SnapOtter) -> None:
    me, name = await own_id(admin), f"role-{secrets.token_hex(4)}"
    made = (await admin.post("/api/v1/roles", {"name": name, "permissions": ["tools:use"]})).json()
    path, role = f"/api/v1/roles/{made['id']}", made["id"]
    await admin.call("PUT", path, {"name": f"{name}-2"})
    await admin.call("DELETE", path)
    expected = {
        "ROLE_CREATED": {"adminId": me, "roleId": role, "roleName": name},
        "ROLE_UPDATED": {"adminId": me, "roleId": role},
        "ROLE_DELETED": {"adminId": me, "roleId": role, "roleName": f"{name}-2"},
    }
    for action, details in expected.items():
        found = await entry(admin, action, roleId=role)
        assert (found["details"], found["actorId"], found["targetId"], found["targetType"]) == (details, me, None, "role")


async def test_files(admin: SnapOtter) -> None:
    added, person = await admin.person()
    names = ["one.png", "zwei ü.png"]
    parts = [("file", PICTURE, name) for name in names]
    stored = (await person.form("/api/v1/files/upload", *parts)).json()["files"]
    found = await entry(admin, "FILE_UPLOADED", userId=added["id"])
    assert found["details"] == {"userId": added["id"], "count": 2, "files": names}
    assert (found["actorId"], found["targetId"], found["targetType"]) == (added["id"], None, "file")
    assert (await person.form("/api/v1/upload", ("file", PICTURE, "temporary.png"))).status_code == 200
    found = await entry(admin, "FILE_UPLOADED", userId=added["id"])
    assert found["details"] == {"userId": added["id"], "count": 1, "files": ["temporary.png"]}
    assert found["actorId"] == added["id"]
    ids = [file["id"] for file in stored]
    assert (await person.call("DELETE", "/api/v1/files", {"ids": ids})).json() == {"deleted": 2}
    found = await entry(admin, "FILE_DELETED", userId=added["id"])
    assert found["details"] | {"ids": set(found["details"]["ids"])} == {"userId": added["id"], "count": 2, "ids": set(ids)}
    assert (found["actorId"], found["targetId"], found["targetType"]) == (added["id"], None, "file")


async def test_pages(admin: SnapOtter) -> None:
    name = new_name()
    for _ in range(5):
        await admin.post("/api/auth/login", {"username": name, "password": PASSWORD})
    whole = (await admin.get(f"{PATH}?action=LOGIN_FAILED&limit=100")).json()
    seen: list[dict[str, Any]] = []
    for page in range(1, 4):
        body = (await admin.get(f"{PATH}?action=LOGIN_FAILED&limit=2&page={page}")).json()
        assert (body["page"], body["limit"]) == (page, 2)
        assert body["total"] >= 5
        seen += body["entries"]
    mine = [each for each in whole["entries"] if each["actorUsername"] == name]
    assert len(mine) == 5
    assert [each["createdAt"] for each in seen] == sorted((each["createdAt"] for each in seen), reverse=True)
    assert len({each["id"] for each in seen}) == 6 if whole["total"] > 5 else 5
    beyond = (await admin.get(f"{PATH}?page=1000000000")).json()
    assert beyond["entries"] == []
    assert beyond["total"] >= whole["total"]


@pytest.mark.parametrize(
    ("query", "page", "limit"),
    [
        ("", 1, 50),
        ("page=0&limit=0", 1, 50),
        ("page=-3&limit=-1", 1, 1),
        ("page=x&limit=x", 1, 50),
        ("page=&limit=", 1, 50),
        ("page=2&limit=101", 2, 100),
        ("page=2&limit=99999999999999999999", 2, 100),
        ("limit=%00&page=%00", 1, 50),
        (f"limit={'x' * 5000}", 1, 50),
    ],
)
async def test_what_is_out_of_range_is_clamped(admin: SnapOtter, query: str, page: int, limit: int) -> None:
    reply = await admin.get(f"{PATH}?{query}")
    assert reply.status_code == 200, reply.text
    assert (reply.json()["page"], reply.json()["limit"]) == (page, limit)


@pytest.mark.parametrize("action", ["SETTINGS_UPDATED", "nothing", "key.created", "login_success", "%00", "x" * 5000])
async def test_of_unknown_actions_there_are_no_entries(admin: SnapOtter, action: str) -> None:
    body = (await admin.get(f"{PATH}?action={action}")).json()
    assert (body["entries"], body["total"]) == ([], 0)


async def test_a_period(admin: SnapOtter) -> None:
    added, _ = await admin.person()
    made = await entry(admin, "USER_CREATED", newUserId=added["id"])
    moment = made["createdAt"]
    inside = await log(admin, "USER_CREATED", **{"from": moment, "to": moment})
    assert made["id"] in {each["id"] for each in inside}
    assert {each["createdAt"] for each in inside} == {moment}
    at = datetime.fromisoformat(moment)
    before, after = (at - timedelta(milliseconds=1)).isoformat(), (at + timedelta(milliseconds=1)).isoformat()
    assert made["id"] not in {each["id"] for each in await log(admin, "USER_CREATED", to=before)}
    assert made["id"] not in {each["id"] for each in await log(admin, "USER_CREATED", **{"from": after})}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await admin.get(f"{PATH}?from={quote(tomorrow)}")).json()["total"] == 0


@pytest.mark.parametrize("date", ["nonsense", "%00", "", "2026-13-45", "9999-12-31T23:59:59.999Z", "0001-01-01", "x" * 5000])
async def test_odd_dates_do_no_harm(admin: SnapOtter, date: str) -> None:
    for name in ("from", "to"):
        reply = await admin.get(f"{PATH}?{name}={date}")
        assert reply.status_code == 200, reply.text
    if date in ("nonsense", "", "2026-13-45"):
        assert (await admin.get(f"{PATH}?from={date}&to={date}")).json()["total"] > 0


async def test_who_may(admin: SnapOtter, visitor: SnapOtter) -> None:
    refused(await visitor.get(PATH), 401)
    refused(await (await admin.person("editor"))[1].get(PATH), 403, "FORBIDDEN")
    key = (await admin.post("/api/v1/api-keys", {"permissions": ["audit:read"]})).json()["key"]
    assert (await admin.of(key).get(PATH)).status_code == 200


async def test_it_has_only_what_snapotter_knows(admin: SnapOtter) -> None:
    known = {"user": ("LOG", "USER_", "PASSWORD_"), "api_key": ("API_KEY_",), "file": ("FILE_",), "role": ("ROLE_",)}
    for each in await log(admin):
        assert each["action"].startswith(known[each["targetType"]])
        uuid.UUID(each["actorId"] or str(uuid.uuid4()))
