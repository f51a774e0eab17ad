"""Roles of an installation's own (sections 2.3 and 2.5 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import pytest

from darkroom import ApiError, AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import PASSWORD, SnapOtter
from tests.system.test_snapotter_people import MOMENT, USER_PERMISSIONS, new_name, refused

INVALID = "VALIDATION_ERROR"
PICTURE = encoded(disc(32, 24), "PNG")
PATHS = (("GET", "/api/v1/roles"), ("POST", "/api/v1/roles"), ("PUT", "/api/v1/roles/x"), ("DELETE", "/api/v1/roles/x"))


async def role(admin: SnapOtter, *permissions: str, **more: object) -> dict[str, Any]:
    """A new role."""
    body = {"name": f"role-{secrets.token_hex(4)}", "permissions": list(permissions) or ["tools:use"], **more}
    reply = await admin.post("/api/v1/roles", body)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def listed(admin: SnapOtter, role_id: str) -> dict[str, Any]:
    """A role as the list has it."""
    [found] = [each for each in (await admin.get("/api/v1/roles")).json()["roles"] if each["id"] == role_id]
    return dict(found)


async def own(caller: SnapOtter) -> dict[str, Any]:
    """The caller as the session says."""
    return dict((await caller.get("/api/auth/session")).json()["user"])


async def test_the_roles_that_are_there_from_the_start(admin: SnapOtter) -> None:
    roles = {each["name"]: each for each in (await admin.get("/api/v1/roles")).json()["roles"]}
    for name in ("admin", "editor", "user"):
        found = roles[name]
        assert set(found) == {"id", "name", "description", "permissions", "isBuiltin", "userCount", "createdAt", "updatedAt"}
        assert (found["id"], found["isBuiltin"]) == (f"builtin-{name}", True)
        assert MOMENT.fullmatch(found["createdAt"])
    assert set(roles["user"]["permissions"]) == USER_PERMISSIONS
    assert set(roles["editor"]["permissions"]) == USER_PERMISSIONS | {"files:all", "pipelines:all"}
    assert len(roles["admin"]["permissions"]) == 15
    assert roles["admin"]["userCount"] >= 1


async def test_a_new_role(admin: SnapOtter) -> None:
    name = f"Role-{secrets.token_hex(4)}"
    reply = await admin.post(
        "/api/v1/roles", {"name": f"  {name} ", "description": "  what for ", "permissions": ["files:all", "tools:use"]}
    )
    assert reply.status_code == 201
    made = reply.json()
    assert made | {"permissions": set(made["permissions"])} == {
        "id": made["id"],
        "name": name.lower(),
        "description": "what for",
        "permissions": {"files:all", "tools:use"},
        "isBuiltin": False,
    }
    uuid.UUID(made["id"])
    found = await listed(admin, made["id"])
    assert (found["userCount"], found["isBuiltin"], found["description"]) == (0, False, "what for")
    assert (await role(admin))["description"] == ""


@pytest.mark.parametrize("name", ["", "a", "x" * 31, "with space", "ünder", "a.b", "nul\0nul", "x" * 10_000, None, 7, ["a"], {}])
async def test_a_bad_name(admin: SnapOtter, name: object) -> None:
    refused(await admin.post("/api/v1/roles", {"name": name, "permissions": ["tools:use"]}), 400, INVALID)
    made = await role(admin)
    if name is not None:
        refused(await admin.call("PUT", f"/api/v1/roles/{made['id']}", {"name": name}), 400, INVALID)


@pytest.mark.parametrize(
    "more",
    [
        {"permissions": []},
        {"permissions": None},
        {"permissions": "tools:use"},
        {"permissions": [1]},
        {"permissions": ["tools:use", "a\0b"]},
        {"permissions": ["x" * 10_000]},
        {"description": "x" * 501},
        {"description": 5},
    ],
)
async def test_a_role_that_cannot_be_made(admin: SnapOtter, more: dict[str, object]) -> None:
    refused(await admin.post("/api/v1/roles", {"name": "some-role", "permissions": ["tools:use"], **more}), 400, INVALID)


@pytest.mark.parametrize("body", [b"null", [], 7, "text"])
async def test_a_body_that_is_no_object(admin: SnapOtter, body: object) -> None:
    made = await role(admin)
    refused(await admin.post("/api/v1/roles", body), 400, INVALID)
    refused(await admin.call("PUT", f"/api/v1/roles/{made['id']}", body), 400, INVALID)
    refused(await admin.call("PUT", f"/api/v1/roles/{uuid.uuid4()}", body), 404, "NOT_FOUND")


async def test_unknown_permissions_are_named(admin: SnapOtter) -> None:
    made, bad = await role(admin), ["tools:use", "fly", "swim"]
    for reply in (
        await admin.post("/api/v1/roles", {"name": "some-role", "permissions": bad}),
        await admin.call("PUT", f"/api/v1/roles/{made['id']}", {"permissions": bad}),
    ):
        assert refused(reply, 400, INVALID) == "Invalid permissions: fly, swim"


async def test_a_name_that_exists(admin: SnapOtter) -> None:
    made, other = await role(admin), await role(admin)
    for name in (made["name"], made["name"].upper(), "admin", "user", " Editor "):
        body = {"name": name, "permissions": ["fly"]}
        assert (
            refused(await admin.post("/api/v1/roles", body | {"permissions": ["tools:use"]}), 409, "CONFLICT") == "Role name already exists"
        )
        # The name comes before the permissions.
        assert refused(await admin.call("PUT", f"/api/v1/roles/{other['id']}", body), 409, "CONFLICT") == "Role name already exists"


async def test_changing_a_role(admin: SnapOtter) -> None:
    made = await role(admin, "tools:use", description="before")
    path = f"/api/v1/roles/{made['id']}"
    # Nothing, the own name again, and no permissions at all.
    harmless: list[dict[str, Any]] = [{}, {"name": made["name"].upper()}, {"permissions": []}]
    for change in harmless:
        assert (await admin.call("PUT", path, change)).json() == {"ok": True}
    found = await listed(admin, made["id"])
    assert (found["name"], found["permissions"], found["description"]) == (made["name"], [], "before")
    assert (await admin.call("PUT", path, {"description": "after"})).json() == {"ok": True}
    assert (await listed(admin, made["id"]))["description"] == "after"


async def test_roles_that_cannot_be_changed(admin: SnapOtter) -> None:
    for role_id in (str(uuid.uuid4()), "no-uuid", "a%00b", "x" * 1000, "builtin-emperor"):
        for reply in (
            await admin.call("PUT", f"/api/v1/roles/{role_id}", {"name": "!"}),
            await admin.call("DELETE", f"/api/v1/roles/{role_id}"),
        ):
            assert refused(reply, 404, "NOT_FOUND") == "Role not found"
    for name in ("admin", "editor", "user"):
        changed = await admin.call("PUT", f"/api/v1/roles/builtin-{name}", {"permissions": 5})
        assert refused(changed, 400, INVALID) == "Cannot modify built-in roles"
        assert refused(await admin.call("DELETE", f"/api/v1/roles/builtin-{name}"), 400, INVALID) == "Cannot delete built-in roles"


async def test_who_may(admin: SnapOtter, visitor: SnapOtter) -> None:
    _, editor = await admin.person("editor")
    for verb, path in PATHS:
        refused(await visitor.call(verb, path), 401)
        refused(await editor.call(verb, path), 403, "FORBIDDEN")
    _, auditor = await admin.person((await role(admin, "audit:read"))["name"])
    _, keeper = await admin.person((await role(admin, "users:manage"))["name"])
    assert (await auditor.get("/api/v1/roles")).status_code == 200
    refused(await keeper.get("/api/v1/roles"), 403, "FORBIDDEN")
    for verb, path in PATHS[1:]:
        refused(await auditor.call(verb, path), 403, "FORBIDDEN")
        assert (await keeper.call(verb, path)).status_code in (400, 404)


async def test_a_role_permits_exactly_its_list(admin: SnapOtter) -> None:
    made = await role(admin, "teams:manage")
    _, person = await admin.person(made["name"])
    assert (await own(person))["permissions"] == ["teams:manage"]
    assert (await person.get("/api/v1/teams")).status_code == 200
    for path in ("/api/auth/users", "/api/v1/roles", "/api/v1/audit-log", "/api/v1/admin/health"):
        refused(await person.get(path), 403, "FORBIDDEN")
    # What is listed and never refuses.
    assert (await person.tool("resize", PICTURE, {"width": 8})).status_code == 200
    assert (await person.get("/api/v1/api-keys")).status_code == 200
    refused(await person.post("/api/v1/api-keys", {"permissions": ["tools:use"]}), 400, INVALID)


async def test_people_of_a_role_can_give_only_roles_of_the_installation(admin: SnapOtter) -> None:
    made = await role(admin, "users:manage")
    _, keeper = await admin.person(made["name"])
    body = {"username": new_name(), "password": "First-Password-1"}
    for above in ("user", "editor", "admin", None, "unknown"):
        refused(await keeper.post("/api/auth/register", body | ({"role": above} if above else {})), 403, "ESCALATION_DENIED")
    added = await keeper.post("/api/auth/register", body | {"role": made["name"]})
    assert (added.status_code, added.json()["role"]) == (201, made["name"])
    for above in ("user", "editor", "admin"):
        refused(await keeper.call("PUT", f"/api/auth/users/{added.json()['id']}", {"role": above}), 403, "ESCALATION_DENIED")
    boss, _ = await admin.person("admin")
    for verb, body in (("PUT", {"role": made["name"]}), ("PUT", {"team": "Default"}), ("DELETE", None)):
        refused(await keeper.call(verb, f"/api/auth/users/{boss['id']}", body), 403, "ESCALATION_DENIED")


async def test_a_change_acts_at_once_on_sessions_and_keys(admin: SnapOtter) -> None:
    made = await role(admin, "teams:manage", "users:manage")
    added, person = await admin.person(made["name"])
    key = admin.of((await person.post("/api/v1/api-keys", {"permissions": ["teams:manage"]})).json()["key"])
    assert (await key.get("/api/v1/teams")).status_code == 200
    await admin.call("PUT", f"/api/v1/roles/{made['id']}", {"permissions": ["users:manage"]})
    for caller in (person, key):
        refused(await caller.get("/api/v1/teams"), 403, "FORBIDDEN")
    assert (await person.get("/api/auth/users")).status_code == 200
    refused(await key.get("/api/auth/users"), 403, "FORBIDDEN")
    await admin.call("PUT", f"/api/v1/roles/{made['id']}", {"permissions": ["teams:manage"]})
    for caller in (person, key):
        assert (await caller.get("/api/v1/teams")).status_code == 200
    assert (await own(person))["id"] == added["id"]


async def test_a_renamed_role_keeps_its_people(admin: SnapOtter) -> None:
    made = await role(admin, "teams:manage")
    _, person = await admin.person(made["name"])
    assert (await listed(admin, made["id"]))["userCount"] == 1
    name = f"{made['name']}-2"
    await admin.call("PUT", f"/api/v1/roles/{made['id']}", {"name": name})
    assert ((await own(person))["role"], (await listed(admin, made["id"]))["userCount"]) == (name, 1)
    assert (await person.get("/api/v1/teams")).status_code == 200


async def test_without_their_role_people_are_users(admin: SnapOtter) -> None:
    made = await role(admin, "teams:manage")
    added, person = await admin.person(made["name"])
    key = admin.of((await person.post("/api/v1/api-keys")).json()["key"])
    assert (await admin.call("DELETE", f"/api/v1/roles/{made['id']}")).json() == {"ok": True}
    for caller in (person, key):
        refused(await caller.get("/api/v1/teams"), 403, "FORBIDDEN")
    user = await own(person)
    assert (user["role"], set(user["permissions"])) == ("user", USER_PERMISSIONS)
    assert [each["role"] for each in (await admin.get("/api/auth/users")).json()["users"] if each["id"] == added["id"]] == ["user"]
    refused(await admin.call("DELETE", f"/api/v1/roles/{made['id']}"), 404, "NOT_FOUND")


async def test_nobody_has_a_role_that_is_gone(admin: SnapOtter) -> None:
    made = await role(admin)
    names = [new_name() for _ in range(6)]
    adding = [admin.post("/api/auth/register", {"username": name, "password": PASSWORD, "role": made["name"]}) for name in names]
    replies = await asyncio.gather(*adding, admin.call("DELETE", f"/api/v1/roles/{made['id']}"))
    assert {reply.status_code for reply in replies} == {200, 201}
    roles = {each["username"]: each["role"] for each in (await admin.get("/api/auth/users")).json()["users"]}
    assert {roles[name] for name in names} == {"user"}


async def test_two_of_one_name_at_once(admin: SnapOtter) -> None:
    body = {"name": f"role-{secrets.token_hex(4)}", "permissions": ["tools:use"]}
    replies = await asyncio.gather(*(admin.post("/api/v1/roles", body) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409]


async def test_two_admins_who_demote_each_other_leave_one(admin: SnapOtter) -> None:
    made, pair = await role(admin), [await admin.person("admin") for _ in range(2)]
    (first, one), (second, two) = pair
    replies = await asyncio.gather(
        one.call("PUT", f"/api/auth/users/{second['id']}", {"role": made["name"]}),
        two.call("PUT", f"/api/auth/users/{first['id']}", {"role": made["name"]}),
    )
    assert all(reply.status_code in (200, 403) for reply in replies)
    assert 200 in {reply.status_code for reply in replies}
    assert any(each["role"] == "admin" for each in (await admin.get("/api/auth/users")).json()["users"])


async def test_the_open_stream_of_somebody_who_is_removed_ends(stack: StackUnderTest, admin: SnapOtter) -> None:
    added, person = await admin.person((await role(admin))["name"])
    async with AsyncClient(stack.url, person.token) as native:
        noop = operation_pb2.Operation(noop=noop_pb2.Noop(steps=200, step_milliseconds=100))
        task = await native.create_task([], [noop])
        watching = native.watch(task.id)
        await anext(watching)
        assert (await admin.call("DELETE", f"/api/auth/users/{added['id']}")).json() == {"ok": True}
        with pytest.raises(ApiError) as refusal:
            async for event in watching:
                assert event.state != task_pb2.TASK_STATE_SUCCEEDED
    assert refusal.value.reason == "API_KEY_INVALID"
