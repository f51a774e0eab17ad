"""Signing in, people and their keys (sections 2.1 to 2.4 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.system.pictures import disc, encoded
from tests.system.snapotter import PASSWORD, SnapOtter

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
USER_PERMISSIONS = {"tools:use", "files:own", "apikeys:own", "pipelines:own", "settings:read"}
WEAK = ["Short1A", "alllowercase1", "ALLUPPERCASE1", "NoDigitsHere", ""]
PICTURE = encoded(disc(32, 24), "PNG")


def refused(reply: httpx.Response, status: int, code: str | None = None) -> str:
    assert reply.status_code == status, reply.text
    body = reply.json()
    if code is not None:
        assert body["code"] == code
    text: str = body["error"]
    return text


def new_name() -> str:
    return f"name-{secrets.token_hex(6)}"


# 2.1 Sessions


async def test_signing_in(admin: SnapOtter, visitor: SnapOtter) -> None:
    added, _ = await admin.person("editor")
    reply = await visitor.post("/api/auth/login", {"username": added["username"], "password": PASSWORD})
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"token", "user", "expiresAt"}
    assert str(uuid.UUID(body["token"], version=4)) == body["token"]
    user = body["user"]
    assert user | {"permissions": set(user["permissions"])} == {
        "id": added["id"],
        "username": added["username"],
        "role": "editor",
        "mustChangePassword": False,
        "permissions": USER_PERMISSIONS | {"files:all", "pipelines:all"},
        "teamName": "Default",
        "analyticsEnabled": None,
        "analyticsConsentShownAt": None,
        "analyticsConsentRemindAt": None,
    }
    assert MOMENT.fullmatch(body["expiresAt"])
    life = datetime.fromisoformat(body["expiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=167, minutes=59) < life <= timedelta(hours=168)


@pytest.mark.parametrize(
    "body",
    [None, [], 7, "text", {}, {"username": "admin"}, {"password": "x"}, {"username": "", "password": "x"}, {"username": 1, "password": 2}],
)
async def test_signing_in_without_name_or_password(visitor: SnapOtter, body: object) -> None:
    reply = await visitor.post("/api/auth/login", b"null" if body is None else body)
    assert refused(reply, 400) == "Username and password are required"


@pytest.mark.parametrize("name", ["nobody", "admin", "Admin", "x" * 10_000, "ad\0min", "' OR 1=1 --", "漢字"])
async def test_wrong_credentials_are_all_alike(visitor: SnapOtter, name: str) -> None:
    assert refused(await visitor.post("/api/auth/login", {"username": name, "password": "Wrong-Password-1"}), 401) == "Invalid credentials"


async def test_signing_out_ends_the_session_and_is_always_fine(admin: SnapOtter, visitor: SnapOtter) -> None:
    _, person = await admin.person()
    assert (await person.post("/api/auth/logout")).json() == {"ok": True}
    assert (await person.get("/api/v1/api-keys")).status_code == 401
    for caller in (person, visitor, visitor.of("nonsense")):
        assert (await caller.post("/api/auth/logout")).json() == {"ok": True}


async def test_the_session(admin: SnapOtter, visitor: SnapOtter) -> None:
    added, person = await admin.person()
    body = (await person.get("/api/auth/session")).json()
    assert set(body) == {"user", "expiresAt"}
    assert (body["user"]["id"], body["user"]["role"]) == (added["id"], "user")
    assert "teamName" not in body["user"]
    assert set(body["user"]["permissions"]) == USER_PERMISSIONS
    assert refused(await visitor.get("/api/auth/session"), 401) == "No session token provided"
    assert refused(await visitor.of(str(uuid.uuid4())).get("/api/auth/session"), 401) == "Session expired or invalid"


async def test_a_key_is_no_session(admin: SnapOtter) -> None:
    key = (await admin.post("/api/v1/api-keys", {})).json()["key"]
    refused(await admin.of(key).get("/api/auth/session"), 401)


async def test_sessions_live_side_by_side(admin: SnapOtter) -> None:
    added, first = await admin.person()
    second = await admin.signed_in(added["username"], PASSWORD)
    await second.post("/api/auth/logout")
    assert (await first.get("/api/auth/session")).status_code == 200


async def test_changing_the_password(admin: SnapOtter) -> None:
    added, mine = await admin.person()
    other = await admin.signed_in(added["username"], PASSWORD)
    key = (await mine.post("/api/v1/api-keys", {})).json()["key"]
    assert (await admin.of(key).get("/api/v1/api-keys")).status_code == 200
    reply = await mine.post("/api/auth/change-password", {"currentPassword": PASSWORD, "newPassword": "Another-Horse-2"})
    assert reply.json() == {"ok": True}
    assert (await mine.get("/api/auth/session")).status_code == 200
    assert (await other.get("/api/auth/session")).status_code == 401
    assert (await admin.of(key).get("/api/v1/api-keys")).status_code == 401
    refused(await admin.post("/api/auth/login", {"username": added["username"], "password": PASSWORD}), 401)
    await admin.signed_in(added["username"], "Another-Horse-2")


async def test_changing_the_password_is_checked_in_order(admin: SnapOtter, visitor: SnapOtter) -> None:
    _, person = await admin.person()
    path, code = "/api/auth/change-password", "VALIDATION_ERROR"
    odd: list[object] = [{}, {"currentPassword": "x"}, {"newPassword": "Strong-Enough-1"}, [], {"currentPassword": 1, "newPassword": 2}]
    for body in odd:
        assert refused(await person.post(path, body), 400, code) == "Current password and new password are required"
    for weak in WEAK[:-1]:
        text = refused(await person.post(path, {"currentPassword": "wrong", "newPassword": weak}), 400, code)
        assert "at least 8 characters" in text
    wrong = await person.post(path, {"currentPassword": "wrong", "newPassword": "Strong-Enough-1"})
    assert refused(wrong, 401, "INVALID_PASSWORD") == "Current password is incorrect"
    refused(await visitor.post(path, {"currentPassword": "x", "newPassword": "y"}), 401, "AUTH_REQUIRED")


async def test_who_must_change_the_password_can_do_nothing_else(admin: SnapOtter) -> None:
    name = new_name()
    await admin.post("/api/auth/register", {"username": name, "password": "First-Password-1"})
    person = await admin.signed_in(name, "First-Password-1")
    assert (await person.get("/api/auth/session")).json()["user"]["mustChangePassword"] is True
    for verb, path in (
        ("GET", "/api/v1/api-keys"),
        ("GET", "/api/auth/users"),
        ("POST", "/api/v1/tools/resize"),
        ("GET", "/api/v1/nothing"),
    ):
        assert refused(await person.call(verb, path), 403, "MUST_CHANGE_PASSWORD") == "Password change required"
    assert (await person.get("/api/v1/config/auth")).status_code == 200
    changed = await person.post("/api/auth/change-password", {"currentPassword": "First-Password-1", "newPassword": PASSWORD})
    assert changed.status_code == 200
    assert (await person.get("/api/v1/api-keys")).status_code == 200
    assert (await person.get("/api/auth/session")).json()["user"]["mustChangePassword"] is False


# 2.2 Users


async def test_listing_people(admin: SnapOtter) -> None:
    added, _ = await admin.person()
    reply = await admin.get("/api/auth/users")
    body = reply.json()
    assert set(body) == {"users", "maxUsers"}
    assert body["maxUsers"] == 0
    [found] = [user for user in body["users"] if user["id"] == added["id"]]
    assert set(found) == {"id", "username", "role", "team", "createdAt"}
    assert MOMENT.fullmatch(found["createdAt"])
    assert "argon2" not in reply.text


async def test_adding_people(admin: SnapOtter) -> None:
    name = new_name()
    reply = await admin.post("/api/auth/register", {"username": name, "password": "First-Password-1", "role": "editor"})
    assert reply.status_code == 201
    body = reply.json()
    assert (body["username"], body["role"], body["team"], set(body)) == (name, "editor", "Default", {"id", "username", "role", "team"})
    uuid.UUID(body["id"])
    again = await admin.post("/api/auth/register", {"username": name, "password": "First-Password-1"})
    assert refused(again, 409, "CONFLICT") == "Username already exists"
    other_case = await admin.post("/api/auth/register", {"username": name.upper(), "password": "First-Password-1"})
    assert other_case.status_code == 201


async def test_an_unknown_role_becomes_user(admin: SnapOtter) -> None:
    reply = await admin.post("/api/auth/register", {"username": new_name(), "password": "First-Password-1", "role": "emperor"})
    assert reply.json()["role"] == "user"


async def test_adding_people_is_checked_in_order(admin: SnapOtter) -> None:
    path, code, strong = "/api/auth/register", "VALIDATION_ERROR", "First-Password-1"
    odd: list[object] = [{}, {"username": "abc"}, {"password": strong}, [], {"username": 1, "password": 2}]
    for body in odd:
        assert refused(await admin.post(path, body), 400, code) == "Username and password are required"
    for name in ("ab", "x" * 51, "with space", "tab\t", "slash/", "ünder", "nul\0name", "x" * 10_000):
        refused(await admin.post(path, {"username": name, "password": "weak"}), 400, code)
    for weak in WEAK[:-1]:
        text = refused(await admin.post(path, {"username": new_name(), "password": weak, "team": "nowhere"}), 400, code)
        assert "at least 8 characters" in text
    unknown = await admin.post(path, {"username": "admin", "password": strong, "team": "nowhere"})
    assert refused(unknown, 400, code) == "Team not found"
    assert refused(await admin.post(path, {"username": "admin", "password": strong}), 409, "CONFLICT") == "Username already exists"


@pytest.mark.parametrize("odd", [{"role": 7}, {"role": ["admin"]}, {"team": {"id": 1}}, {"team": True}])
async def test_a_role_and_a_team_are_text(admin: SnapOtter, odd: dict[str, object]) -> None:
    name = new_name()
    body = {"username": name, "password": "First-Password-1", **odd}
    assert refused(await admin.post("/api/auth/register", body), 400, "VALIDATION_ERROR") == f"{next(iter(odd))} must be text"
    assert name not in (await admin.get("/api/auth/users")).text


async def test_a_team_may_be_named_by_its_id(admin: SnapOtter) -> None:
    body = {"username": new_name(), "password": "First-Password-1", "team": "default-team-00000000"}
    assert (await admin.post("/api/auth/register", body)).json()["team"] == "Default"


async def test_managing_people_needs_the_permission(admin: SnapOtter, visitor: SnapOtter) -> None:
    added, person = await admin.person("editor")
    calls = [
        ("GET", "/api/auth/users", None),
        ("POST", "/api/auth/register", {"username": "abc", "password": "x"}),
        ("PUT", f"/api/auth/users/{added['id']}", {"role": "admin"}),
        ("POST", f"/api/auth/users/{added['id']}/reset-password", {"newPassword": "x"}),
        ("DELETE", f"/api/auth/users/{added['id']}", None),
    ]
    for verb, path, body in calls:
        refused(await person.call(verb, path, body), 403, "FORBIDDEN")
        refused(await visitor.call(verb, path, body), 401, "AUTH_REQUIRED")


async def test_changing_a_role_works_at_once(admin: SnapOtter) -> None:
    added, person = await admin.person()
    assert (await person.get("/api/auth/users")).status_code == 403
    assert (await admin.call("PUT", f"/api/auth/users/{added['id']}", {"role": "admin"})).json() == {"ok": True}
    assert (await person.get("/api/auth/users")).status_code == 200
    assert "users:manage" in (await person.get("/api/auth/session")).json()["user"]["permissions"]
    assert (await admin.call("PUT", f"/api/auth/users/{added['id']}", {"role": "user"})).json() == {"ok": True}
    assert (await person.get("/api/auth/users")).status_code == 403


async def test_changing_people_is_checked_in_order(admin: SnapOtter) -> None:
    added, _ = await admin.person()
    path = f"/api/auth/users/{added['id']}"
    odd: list[object] = [[], "text", {"role": 1}, {"team": ["x"]}]
    for body in odd:
        refused(await admin.call("PUT", path, body), 400, "VALIDATION_ERROR")
    refused(await admin.call("PUT", f"/api/auth/users/{uuid.uuid4()}", {"role": "admin"}), 404, "NOT_FOUND")
    refused(await admin.call("PUT", "/api/auth/users/no-uuid", {}), 404, "NOT_FOUND")
    assert refused(await admin.call("PUT", path, {"team": "nowhere"}), 400, "VALIDATION_ERROR") == "Team not found"
    for harmless in ({}, {"role": "emperor"}, {"team": "  "}):
        assert (await admin.call("PUT", path, harmless)).json() == {"ok": True}
    own = (await admin.get("/api/auth/session")).json()["user"]["id"]
    refused(await admin.call("PUT", f"/api/auth/users/{own}", {"role": "user"}), 400, "SELF_DEMOTE")


async def test_resetting_a_password_ends_everything(admin: SnapOtter) -> None:
    added, person = await admin.person()
    key = (await person.post("/api/v1/api-keys", {})).json()["key"]
    path = f"/api/auth/users/{added['id']}/reset-password"
    assert refused(await admin.post(path, {}), 400, "VALIDATION_ERROR") == "New password is required"
    assert "at least 8 characters" in refused(await admin.post(path, {"newPassword": "weak"}), 400, "VALIDATION_ERROR")
    refused(await admin.post(f"/api/auth/users/{uuid.uuid4()}/reset-password", {"newPassword": "Strong-Enough-1"}), 404, "NOT_FOUND")
    assert (await admin.post(path, {"newPassword": "Strong-Enough-1"})).json() == {"ok": True}
    assert (await person.get("/api/auth/session")).status_code == 401
    assert (await admin.of(key).get("/api/v1/api-keys")).status_code == 401
    again = await admin.signed_in(added["username"], "Strong-Enough-1")
    assert (await again.get("/api/auth/session")).json()["user"]["mustChangePassword"] is True


async def test_removing_people(admin: SnapOtter) -> None:
    added, person = await admin.person()
    own = (await admin.get("/api/auth/session")).json()["user"]["id"]
    text = refused(await admin.call("DELETE", f"/api/auth/users/{own}"), 400, "SELF_DELETE")
    assert text == "Cannot delete your own account"
    refused(await admin.call("DELETE", f"/api/auth/users/{uuid.uuid4()}"), 404, "NOT_FOUND")
    assert (await admin.call("DELETE", f"/api/auth/users/{added['id']}")).json() == {"ok": True}
    assert (await person.get("/api/auth/session")).status_code == 401
    refused(await admin.post("/api/auth/login", {"username": added["username"], "password": PASSWORD}), 401)


# 2.4 API keys


async def test_making_a_key(admin: SnapOtter) -> None:
    _, person = await admin.person()
    reply = await person.post("/api/v1/api-keys", {"name": "  script  "})
    assert reply.status_code == 201
    body = reply.json()
    assert set(body) == {"id", "key", "name", "permissions", "expiresAt", "createdAt"}
    assert re.fullmatch(r"si_[0-9a-f]{96}", body["key"])
    assert (body["name"], body["permissions"], body["expiresAt"]) == ("script", None, None)
    assert MOMENT.fullmatch(body["createdAt"])
    mine = admin.of(body["key"])
    assert (await mine.tool("resize", PICTURE, {"width": 8})).status_code == 200
    listed = await mine.get("/api/v1/api-keys")
    assert body["key"] not in listed.text
    [found] = listed.json()["apiKeys"]
    assert set(found) == {"id", "name", "permissions", "createdAt", "lastUsedAt", "expiresAt"}
    assert found["id"] == body["id"]


@pytest.mark.parametrize("body", [b"", {}, {"name": "   "}, {"permissions": []}, {"name": None, "permissions": None, "expiresAt": None}])
async def test_what_a_key_is_like_that_nothing_is_said_about(admin: SnapOtter, body: object) -> None:
    made = (await admin.post("/api/v1/api-keys", body)).json()
    assert (made["name"], made["permissions"], made["expiresAt"]) == ("Default API Key", None, None)


async def test_a_key_that_may_do_less(admin: SnapOtter) -> None:
    made = (await admin.post("/api/v1/api-keys", {"permissions": ["tools:use", "users:manage"]})).json()
    assert set(made["permissions"]) == {"tools:use", "users:manage"}
    caller = admin.of(made["key"])
    assert (await caller.get("/api/auth/users")).status_code == 200
    assert (await caller.get("/api/v1/admin/health")).status_code == 403


async def test_a_key_shrinks_with_its_owners_role(admin: SnapOtter) -> None:
    added, person = await admin.person("admin")
    key = (await person.post("/api/v1/api-keys", {"permissions": ["users:manage"]})).json()["key"]
    assert (await admin.of(key).get("/api/auth/users")).status_code == 200
    await admin.call("PUT", f"/api/auth/users/{added['id']}", {"role": "user"})
    assert (await admin.of(key).get("/api/auth/users")).status_code == 403


async def test_a_key_that_cannot_be_made(admin: SnapOtter) -> None:
    _, person = await admin.person()
    path, code = "/api/v1/api-keys", "VALIDATION_ERROR"
    text = refused(await person.post(path, {"permissions": ["tools:use", "users:manage", "audit:read"]}), 400, code)
    assert text.startswith("Cannot scope key with permissions you don't have: ")
    assert "users:manage" in text
    refused(await person.post(path, {"name": "x" * 101}), 400, code)
    assert refused(await person.post(path, {"expiresAt": "not a date"}), 400, code) == "Invalid expiresAt date"
    assert refused(await person.post(path, {"expiresAt": "2001-01-01T00:00:00Z"}), 400, code) == "expiresAt must be in the future"
    for odd in ({"name": 7}, {"permissions": "tools:use"}, {"permissions": [1]}, {"expiresAt": 5}, {"name": "a\0b"}):
        assert (await person.post(path, odd)).status_code in (201, 400)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2099-01-31", "2099-01-31T00:00:00.000Z"),
        ("2099-01-31T10:00:00.250+02:00", "2099-01-31T08:00:00.250Z"),
        ("2099", "2099-01-01T00:00:00.000Z"),
        ("2099-06", "2099-06-01T00:00:00.000Z"),
        ("2099/01/31", "2099-01-31T00:00:00.000Z"),
        ("01/31/2099", "2099-01-31T00:00:00.000Z"),
        ("January 31, 2099 10:00", "2099-01-31T10:00:00.000Z"),
        ("31 Jan 2099 10:00:05", "2099-01-31T10:00:05.000Z"),
        ("Sat, 31 Jan 2099 10:00:00 GMT", "2099-01-31T10:00:00.000Z"),
        ("Sat Jan 31 2099 10:00:00 GMT+0100 (Central European Standard Time)", "2099-01-31T09:00:00.000Z"),
    ],
)
async def test_any_text_that_reads_as_a_date_ends_a_key(admin: SnapOtter, text: str, moment: str) -> None:
    reply = await admin.post("/api/v1/api-keys", {"expiresAt": text})
    assert reply.status_code == 201, reply.text
    assert reply.json()["expiresAt"] == moment
    assert (await admin.call("DELETE", f"/api/v1/api-keys/{reply.json()['id']}")).status_code == 200


async def test_a_key_that_expires(admin: SnapOtter) -> None:
    soon = datetime.now(UTC) + timedelta(days=2)
    made = (await admin.post("/api/v1/api-keys", {"expiresAt": soon.isoformat()})).json()
    assert abs(datetime.fromisoformat(made["expiresAt"]) - soon) < timedelta(seconds=1)
    assert (await admin.of(made["key"]).get("/api/v1/api-keys")).status_code == 200


async def test_deleting_a_key(admin: SnapOtter) -> None:
    _, person = await admin.person()
    made = (await person.post("/api/v1/api-keys", {})).json()
    assert refused(await admin.call("DELETE", f"/api/v1/api-keys/{made['id']}"), 404, "NOT_FOUND") == "API key not found"
    assert refused(await person.call("DELETE", "/api/v1/api-keys/no-uuid"), 404, "NOT_FOUND") == "API key not found"
    assert (await person.call("DELETE", f"/api/v1/api-keys/{made['id']}")).json() == {"ok": True}
    assert (await admin.of(made["key"]).get("/api/v1/api-keys")).status_code == 401
    assert (await person.get("/api/v1/api-keys")).json() == {"apiKeys": []}


async def test_administrators_see_everybodys_keys(admin: SnapOtter) -> None:
    _, person = await admin.person()
    made = (await person.post("/api/v1/api-keys", {})).json()
    assert made["id"] in {key["id"] for key in (await admin.get("/api/v1/api-keys")).json()["apiKeys"]}
    _, other = await admin.person()
    assert (await other.get("/api/v1/api-keys")).json() == {"apiKeys": []}


# Usage statistics


async def test_what_somebody_says_about_usage_statistics(admin: SnapOtter) -> None:
    added, person = await admin.person()
    path = "/api/v1/user/analytics"
    answers: list[tuple[object, bool | None]] = [
        ({"enabled": True}, True),
        ({"enabled": False}, False),
        ({"remindLater": True}, None),
        ({"enabled": True, "remindLater": True}, None),
        ({}, False),
        (b"", False),
        ({"enabled": True, "remindLater": False}, True),
    ]
    for body, answered in answers:
        reply = await person.call("PUT", path, body)
        assert (reply.status_code, reply.json()) == (200, {"ok": True, "analyticsEnabled": answered})
        user = (await person.get("/api/auth/session")).json()["user"]
        assert user["analyticsEnabled"] is answered
        shown, remind = user["analyticsConsentShownAt"], user["analyticsConsentRemindAt"]
        assert abs(shown / 1000 - datetime.now(UTC).timestamp()) < 60
        assert remind == (shown + 7 * 24 * 3600 * 1000 if answered is None else None)
    signed = await admin.post("/api/auth/login", {"username": added["username"], "password": PASSWORD})
    assert signed.json()["user"]["analyticsEnabled"] is True
    # A key of the person speaks for the person.
    key = (await person.post("/api/v1/api-keys", {})).json()["key"]
    assert (await admin.of(key).call("PUT", path, {"enabled": False})).status_code == 200
    assert (await person.get("/api/auth/session")).json()["user"]["analyticsEnabled"] is False


async def test_what_is_no_answer_about_usage_statistics(admin: SnapOtter, visitor: SnapOtter) -> None:
    path = "/api/v1/user/analytics"
    _, person = await admin.person()
    odd: list[object] = [{"enabled": "yes"}, {"enabled": 1}, {"remindLater": "true"}, {"enabled": None}, {"remindLater": []}, [], "text"]
    for body in odd:
        refused(await person.call("PUT", path, body), 400, "VALIDATION_ERROR")
    refused(await visitor.call("PUT", path, {"enabled": True}), 401)
    assert (await person.get("/api/auth/session")).json()["user"]["analyticsConsentShownAt"] is None
