"""Teams (section 2.6 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import pytest

from tests.system.snapotter import SnapOtter
from tests.system.test_snapotter_people import MOMENT, new_name, refused

INVALID, DEFAULT_ID = "VALIDATION_ERROR", "default-team-00000000"
PATHS = (("GET", "/api/v1/teams"), ("POST", "/api/v1/teams"), ("PUT", "/api/v1/teams/x"), ("DELETE", "/api/v1/teams/x"))


async def team(admin: SnapOtter) -> dict[str, Any]:
    """A new team."""
    reply = await admin.post("/api/v1/teams", {"name": f"Team {secrets.token_hex(4)}"})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def teams(admin: SnapOtter) -> dict[str, dict[str, Any]]:
    """All teams by their ids."""
    return {each["id"]: each for each in (await admin.get("/api/v1/teams")).json()["teams"]}


async def member(admin: SnapOtter, name: str | None) -> dict[str, Any]:
    """Somebody new in a team."""
    body = {"username": new_name(), "password": "First-Password-1"} | ({"team": name} if name is not None else {})
    reply = await admin.post("/api/auth/register", body)
    assert reply.status_code == 201, reply.text
    added: dict[str, Any] = reply.json()
    return added


async def test_the_list(admin: SnapOtter) -> None:
    made = await team(admin)
    found = await teams(admin)
    assert found[DEFAULT_ID]["name"] == "Default"
    assert found[DEFAULT_ID]["memberCount"] >= 1
    assert found[made["id"]] | {"createdAt": ""} == {"id": made["id"], "name": made["name"], "memberCount": 0, "createdAt": ""}
    assert MOMENT.fullmatch(found[made["id"]]["createdAt"])


async def test_a_new_team(admin: SnapOtter) -> None:
    name = f"Übung {secrets.token_hex(4)}"
    reply = await admin.post("/api/v1/teams", {"name": f"  {name} "})
    assert (reply.status_code, set(reply.json())) == (201, {"id", "name"})
    assert reply.json()["name"] == name
    uuid.UUID(reply.json()["id"])
    for again in (name, name.upper(), f" {name.lower()} "):
        assert refused(await admin.post("/api/v1/teams", {"name": again}), 409, "CONFLICT") == "Team name already exists"
    assert (await admin.post("/api/v1/teams", {"name": secrets.token_hex(25)})).status_code == 201


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "  "}, {"name": None}, {"name": 5}, {"name": []}, [], b"null", "text"])
async def test_without_a_name(admin: SnapOtter, body: object) -> None:
    made = await team(admin)
    for reply in (await admin.post("/api/v1/teams", body), await admin.call("PUT", f"/api/v1/teams/{made['id']}", body)):
        assert refused(reply, 400, INVALID) == "Team name is required"


@pytest.mark.parametrize("name", ["x" * 51, "x" * 10_000])
async def test_a_long_name(admin: SnapOtter, name: str) -> None:
    made = await team(admin)
    for reply in (
        await admin.post("/api/v1/teams", {"name": name}),
        await admin.call("PUT", f"/api/v1/teams/{made['id']}", {"name": name}),
    ):
        assert "50 characters" in refused(reply, 400, INVALID)


async def test_a_name_with_nul_is_a_name_like_others(admin: SnapOtter) -> None:
    assert (await admin.post("/api/v1/teams", {"name": f"a\0b{secrets.token_hex(4)}"})).status_code == 201


async def test_a_renamed_team_is_seen_at_once(admin: SnapOtter) -> None:
    made, other = await team(admin), await team(admin)
    added = await member(admin, made["name"])
    path, name = f"/api/v1/teams/{made['id']}", f"New {secrets.token_hex(4)}"
    assert (await admin.call("PUT", path, {"name": f" {name} "})).json() == {"ok": True}
    [found] = [each for each in (await admin.get("/api/auth/users")).json()["users"] if each["id"] == added["id"]]
    assert found["team"] == name
    signed = await admin.post("/api/auth/login", {"username": added["username"], "password": "First-Password-1"})
    assert signed.json()["user"]["teamName"] == name
    for own in (name, name.upper()):
        assert (await admin.call("PUT", path, {"name": own})).json() == {"ok": True}
    assert refused(await admin.call("PUT", path, {"name": other["name"].lower()}), 409, "CONFLICT") == "Team name already exists"


async def test_teams_that_are_not_there(admin: SnapOtter) -> None:
    for team_id in (str(uuid.uuid4()), "no-uuid", "a%00b", "x" * 1000):
        # Before the name is looked at.
        for reply in (await admin.call("PUT", f"/api/v1/teams/{team_id}", {}), await admin.call("DELETE", f"/api/v1/teams/{team_id}")):
            assert refused(reply, 404, "NOT_FOUND") == "Team not found"


async def test_removing_a_team(admin: SnapOtter) -> None:
    made = await team(admin)
    path = f"/api/v1/teams/{made['id']}"
    added = await member(admin, made["id"])
    assert (await teams(admin))[made["id"]]["memberCount"] == 1
    assert refused(await admin.call("DELETE", path), 400, INVALID) == "Cannot delete a team that has members"
    await admin.call("DELETE", f"/api/auth/users/{added['id']}")
    assert (await admin.call("DELETE", path)).json() == {"ok": True}
    assert made["id"] not in await teams(admin)
    refused(await admin.call("DELETE", path), 404, "NOT_FOUND")
    assert refused(await admin.call("DELETE", f"/api/v1/teams/{DEFAULT_ID}"), 400, INVALID) == "Cannot delete the Default team"


async def test_people_are_put_into_teams_by_name_and_by_id(admin: SnapOtter) -> None:
    made, other = await team(admin), await team(admin)
    for name in (made["name"], made["id"], f" {made['name']} "):
        assert (await member(admin, name))["team"] == made["name"]
    for none in (None, "", "  ", "Default"):
        assert (await member(admin, none))["team"] == "Default"
    added = await member(admin, made["name"])
    path = f"/api/auth/users/{added['id']}"
    for name in (other["id"], other["name"]):
        assert (await admin.call("PUT", path, {"team": name})).json() == {"ok": True}
        [found] = [each for each in (await admin.get("/api/auth/users")).json()["users"] if each["id"] == added["id"]]
        assert found["team"] == other["name"]
    for wrong in (other["name"].upper(), "nowhere", "a\0b"):
        assert refused(await admin.call("PUT", path, {"team": wrong}), 400, INVALID) == "Team not found"


@pytest.mark.alone
async def test_new_people_find_the_default_team_by_its_id_when_it_has_another_name(admin: SnapOtter) -> None:
    path, name = f"/api/v1/teams/{DEFAULT_ID}", f"Renamed {secrets.token_hex(4)}"
    try:
        assert (await admin.call("PUT", path, {"name": name})).json() == {"ok": True}
        assert (await member(admin, None))["team"] == name
    finally:
        assert (await admin.call("PUT", path, {"name": "Default"})).json() == {"ok": True}


async def test_who_may(admin: SnapOtter, visitor: SnapOtter) -> None:
    _, editor = await admin.person("editor")
    for verb, path in PATHS:
        refused(await visitor.call(verb, path), 401)
        refused(await editor.call(verb, path), 403, "FORBIDDEN")


async def test_two_of_one_name_at_once(admin: SnapOtter) -> None:
    name = f"Team {secrets.token_hex(4)}"
    replies = await asyncio.gather(*(admin.post("/api/v1/teams", {"name": each}) for each in (name, name.upper(), name, name.lower())))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409]


async def test_nobody_is_in_a_team_that_is_gone(admin: SnapOtter) -> None:
    made = await team(admin)
    bodies = [{"username": new_name(), "password": "First-Password-1", "team": made["id"]} for _ in range(4)]
    removed, *replies = await asyncio.gather(
        admin.call("DELETE", f"/api/v1/teams/{made['id']}"), *(admin.post("/api/auth/register", body) for body in bodies)
    )
    if removed.status_code == 200:
        assert {reply.status_code for reply in replies} == {400}
    else:
        assert removed.status_code == 400
        assert (await teams(admin))[made["id"]]["memberCount"] >= 1
