"""Saved pipelines (section 7 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import Any

import httpx
import pytest

from tests.stacks import Account
from tests.system.snapotter import SnapOtter

SAVE, LIST = "/api/v1/pipeline/save", "/api/v1/pipeline/list"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STEPS = [
    {"toolId": "resize", "settings": {"width": 200, "odd": [1, 2.5, None, True, {"deep": "é"}]}},
    {"toolId": "convert", "settings": {}},
]
MISSING = "00000000-0000-4000-8000-000000000000"


async def save(caller: SnapOtter, **fields: Any) -> httpx.Response:
    return await caller.post(SAVE, {"name": "Shop", "steps": STEPS} | fields)


async def saved(caller: SnapOtter, **fields: Any) -> dict[str, Any]:
    reply = await save(caller, **fields)
    assert reply.status_code == 201, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def listed(caller: SnapOtter) -> list[dict[str, Any]]:
    reply = await caller.get(LIST)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"pipelines"}
    found: list[dict[str, Any]] = reply.json()["pipelines"]
    return found


async def test_saving_and_listing(admin: SnapOtter) -> None:
    _, ann = await admin.person()
    assert await listed(ann) == []
    body = await saved(ann, description="Small ones")
    assert (body["name"], body["description"], body["steps"]) == ("Shop", "Small ones", STEPS)
    assert set(body) == {"id", "name", "description", "steps", "createdAt"}
    assert str(uuid.UUID(body["id"], version=4)) == body["id"]
    assert MOMENT.fullmatch(body["createdAt"])
    # Names need not be unique, settings are not checked, and absent ones are empty.
    again = await saved(ann, steps=[{"toolId": "resize", "settings": {"width": "wrong"}}, {"toolId": "rotate"}])
    assert again["description"] is None
    assert again["steps"] == [{"toolId": "resize", "settings": {"width": "wrong"}}, {"toolId": "rotate", "settings": {}}]
    assert {each["id"]: each for each in await listed(ann)} == {body["id"]: body, again["id"]: again}
    assert json.dumps(body["steps"], sort_keys=True) == json.dumps(STEPS, sort_keys=True)


async def test_the_native_api_has_their_operations(admin: SnapOtter) -> None:
    _, ann = await admin.person()
    steps = [{"toolId": "resize", "settings": {"width": 40}}, {"toolId": "convert", "settings": {"format": "webp"}}]
    runs, stays = await saved(ann, steps=steps), await saved(ann, steps=[{"toolId": "resize", "settings": {"width": "wrong"}}])
    native = {each["id"]: each["operations"] for each in (await ann.get("/v1/pipelines")).json()["data"]["items"]}
    assert [next(iter(each)) for each in native[runs["id"]]] == ["resize", "convert", "convert"]
    assert native[stays["id"]] == []
    refused = await ann.post(f"/v1/pipelines/{stays['id']}/run", {"file_ids": ["1"]})
    assert (refused.status_code, refused.json()["data"]["field"]) == (400, "id")
    assert "runs only there" in refused.json()["message"]
    # What was saved natively has no steps.
    made = await ann.post("/v1/pipelines", {"name": "native", "operations": [{"resize": {"width": 40}}]})
    assert made.json()["data"]["id"] not in {each["id"] for each in await listed(ann)}


async def test_who_sees_and_deletes_which(admin: SnapOtter) -> None:
    (_, ann), (_, bob), (_, editor) = [await admin.person(role) for role in ("user", "user", "editor")]
    body = await saved(ann)
    assert body not in await listed(bob)
    assert body in await listed(editor)
    assert body in await listed(admin)
    refused = await bob.call("DELETE", f"/api/v1/pipeline/{body['id']}")
    assert (refused.status_code, refused.json()) == (403, {"error": "Not authorized to delete this pipeline"})
    for unknown in (MISSING, "no-uuid", "%00", "%ff", "x" * 1000):
        missing = await ann.call("DELETE", f"/api/v1/pipeline/{unknown}")
        assert (missing.status_code, missing.json()) == (404, {"error": "Pipeline not found"})
    gone = await ann.call("DELETE", f"/api/v1/pipeline/{body['id']}")
    assert (gone.status_code, gone.json()) == (200, {"ok": True})
    assert (await ann.call("DELETE", f"/api/v1/pipeline/{body['id']}")).status_code == 404
    other = await saved(ann)
    assert (await editor.call("DELETE", f"/api/v1/pipeline/{other['id']}")).status_code == 200


async def test_keys_of_an_account_have_pipelines_without_an_owner(visitor: SnapOtter, account: Account) -> None:
    owner = visitor.of(account.api_key)
    body = await saved(owner, name="shared")
    assert body in await listed(owner)
    assert (await owner.call("DELETE", f"/api/v1/pipeline/{body['id']}")).status_code == 200


async def test_pipelines_go_with_their_owner(admin: SnapOtter) -> None:
    person, ann = await admin.person()
    body = await saved(ann)
    assert (await admin.call("DELETE", f"/api/auth/users/{person['id']}")).status_code == 200
    for _ in range(60):
        if body not in await listed(admin):
            return
        await asyncio.sleep(0.5)
    pytest.fail("the pipeline is still there")


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"name": None}, "name"),
        ({"description": "d" * 501}, "description"),
        ({"description": []}, "description"),
        ({"steps": []}, "steps"),
        ({"steps": None}, "steps"),
        ({"steps": [{"toolId": "rotate"}] * 101}, "steps"),
        ({"steps": [{"toolId": "rotate"}, {"toolId": 3}]}, "steps.1.toolId"),
        ({"steps": [{"toolId": "rotate", "settings": "x"}]}, "steps.0.settings"),
        ({"steps": [{"toolId": "rotate", "settings": deep(60)}]}, "steps.0.settings"),
        ({"steps": [{"toolId": "rotate", "settings": {"n": 10**400}}]}, "steps.0.settings"),
        ({"steps": [{"toolId": "rotate", "settings": {"text": "x" * 100_000}}]}, "steps"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:30],
)
async def test_what_cannot_be_saved(admin: SnapOtter, fields: dict[str, Any], path: str) -> None:
    reply = await save(admin, **fields)
    body = reply.json()
    assert (reply.status_code, body["error"]) == (400, "Invalid pipeline definition"), reply.text
    assert [set(fault) for fault in body["details"]] == [{"path", "message"}]
    assert body["details"][0]["path"] == path


async def test_texts_and_numbers_of_every_kind(admin: SnapOtter) -> None:
    steps = [{"toolId": "rotate", "settings": {"a\0b": "\ud800", "deep": deep(25), "n": 2**53, "__proto__": {}}}]
    body = await saved(admin, name="a\0b", description="\ud800'; DROP TABLE task; <script>", steps=steps)
    assert body["steps"][0]["settings"]["n"] == 2**53
    assert body in await listed(admin)
    assert (await admin.post(SAVE, b"[" * 100_000)).status_code == 400
    assert (await admin.post(SAVE, {})).status_code == 400
    assert (await admin.post(SAVE, [])).status_code == 400
    assert (await admin.post(SAVE, b'{"name": "x" * 2}')).status_code == 400
    await admin.call("DELETE", f"/api/v1/pipeline/{body['id']}")


@pytest.mark.parametrize("tool", ["no-such-tool", "info", "", "t" * 5000])
async def test_a_tool_that_is_not_there(admin: SnapOtter, tool: str) -> None:
    reply = await save(admin, steps=[STEPS[0], {"toolId": tool, "settings": {}}])
    assert (reply.status_code, reply.json()) == (400, {"error": f'Step 2: Tool "{tool[:100]}" not found'})


async def test_tools_of_steps(admin: SnapOtter) -> None:
    reply = await admin.get("/api/v1/pipeline/tools")
    assert (reply.status_code, set(reply.json())) == (200, {"toolIds"})
    tools = reply.json()["toolIds"]
    assert {"resize", "crop", "rotate", "convert", "compress", "strip-metadata", "adjust-colors", "border", "replace-color"} <= set(tools)
    assert not {"info", "compare", "ocr", "favicon", "color-adjustments"} & set(tools)
    assert len(tools) == len(set(tools))


async def test_only_for_those_who_are_known(visitor: SnapOtter) -> None:
    for reply in (
        await save(visitor),
        await visitor.get(LIST),
        await visitor.get("/api/v1/pipeline/tools"),
        await visitor.call("DELETE", f"/api/v1/pipeline/{MISSING}"),
    ):
        assert (reply.status_code, "code" in reply.json()) == (401, False)
