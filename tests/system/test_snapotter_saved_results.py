"""What is saved to SnapOtter's library: `save-result` (section 4.6 of its contract), and `fileId` of its tools."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from darkroom import AsyncClient
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_library import FIELDS, FILES, PICTURE, SAVE, UNKNOWN, delete, kept, listed, saved
from tests.system.test_snapotter_files import error


async def test_a_saved_result_is_the_next_version(person: SnapOtter) -> None:
    first = await kept(person, name="holiday.png")
    second = await saved(person, first["id"], encoded(disc(30, 20), "WEBP"), "blob.webp", toolId="resize")
    assert set(second) == FIELDS
    assert (second["version"], second["parentId"], second["toolChain"]) == (2, first["id"], ["resize"])
    assert (second["originalName"], second["mimeType"], second["width"], second["height"]) == ("holiday.webp", "image/webp", 30, 20)
    third = await saved(person, second["id"], name="without")
    assert (third["version"], third["toolChain"], third["originalName"]) == (3, ["resize"], "holiday.webp")
    again = await saved(person, first["id"], toolId="crop")
    assert (again["version"], again["toolChain"]) == (2, ["crop"])


async def test_a_saved_result_belongs_to_the_caller(admin: SnapOtter, person: SnapOtter) -> None:
    first, (_, other) = await kept(person), await admin.person()
    second = await saved(other, first["id"])
    assert await listed(other) == [second["id"]]
    assert await listed(person) == [first["id"]]
    error(await person.get(f"{FILES}/{second['id']}"), 404)
    assert (await delete(other, second["id"])).json() == {"deleted": 1}
    assert (await person.get(f"{FILES}/{first['id']}/download")).content == PICTURE


async def test_the_checks_of_save_result_come_in_order(person: SnapOtter) -> None:
    parent: Part = ("parentId", str(uuid.uuid4()))
    assert error(await person.form(SAVE, ("toolId", "x")), 400) == "No file provided"
    assert error(await person.form(SAVE, ("file", b"", "a.png"), parent), 400) == "No file provided"
    assert error(await person.form(SAVE, ("file", b"no picture", "a.png")), 400) == "parentId is required"
    assert error(await person.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", " ")), 400) == "parentId is required"
    assert error(await person.form(SAVE, ("file", b"no picture", "a.png"), parent), 400) == "Invalid file: Unrecognized image format"
    for unknown in (parent[1], "nonsense", "\0", "x" * 100_000):
        assert error(await person.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", unknown)), 404) == "Parent file not found"
    file = await kept(person)
    error(await person.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", file["id"]), ("toolId", "x" * 101)), 400)
    assert await listed(person) == [file["id"]]


@pytest.mark.thorough
async def test_a_chain_that_is_too_long(person: SnapOtter) -> None:
    last = await kept(person)
    for _ in range(40):
        last = await saved(person, last["id"], toolId="x" * 100)
    reply = await person.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", last["id"]), ("toolId", "crop"))
    assert "4000 characters" in error(reply, 400)
    assert "files[" not in reply.text
    error(await person.tool("resize", PICTURE, {"width": 20}, fileId=last["id"]), 400)
    assert (await saved(person, last["id"]))["version"] == 42


async def test_a_tool_saves_its_result(person: SnapOtter) -> None:
    first = await kept(person, name="photo.png")
    reply = await person.tool("resize", PICTURE, {"width": 20, "fit": "inside"}, fileId=first["id"])
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"jobId", "downloadUrl", "originalSize", "processedSize", "savedFileId"}
    found = (await person.get(f"{FILES}/{body['savedFileId']}")).json()
    second = found["file"]
    assert (second["version"], second["parentId"], second["toolChain"]) == (2, first["id"], ["resize"])
    assert (second["originalName"], second["width"], second["height"]) == ("photo_resize.png", 20, 15)
    assert second["size"] == body["processedSize"]
    assert found["versions"] == [first, second]
    result = await person.download(body["downloadUrl"])
    assert (await person.get(f"{FILES}/{second['id']}/download")).content == result
    assert (await delete(person, first["id"])).json() == {"deleted": 2}
    assert await person.download(body["downloadUrl"]) == result


async def test_the_file_may_be_named_in_the_settings(person: SnapOtter) -> None:
    first = await kept(person)
    reply = await person.tool("resize", PICTURE, {"width": 20, "fileId": first["id"]})
    second = (await person.get(f"{FILES}/{reply.json()['savedFileId']}")).json()["file"]
    assert (second["parentId"], second["toolChain"]) == (first["id"], ["resize"])
    reply = await person.tool("rotate", PICTURE, {"angle": 90}, fileId=second["id"])
    third = (await person.get(f"{FILES}/{reply.json()['savedFileId']}")).json()["file"]
    assert (third["version"], third["toolChain"]) == (3, ["resize", "rotate"])


@pytest.mark.parametrize("unknown", [UNKNOWN, "nonsense", "", " ", "7", "x" * 5000, "ä", "\0"])
async def test_an_unknown_file_is_ignored(person: SnapOtter, unknown: str) -> None:
    for reply in (
        await person.tool("resize", PICTURE, {"width": 20}, fileId=unknown),
        await person.tool("resize", PICTURE, {"width": 20, "fileId": unknown}),
    ):
        assert reply.status_code == 200, reply.text
        assert "savedFileId" not in reply.json()
    assert await listed(person) == []


@pytest.mark.parametrize("odd", [7, None, [], {"a": 1}])
async def test_a_file_in_the_settings_that_is_no_text_is_ignored(person: SnapOtter, odd: object) -> None:
    reply = await person.tool("resize", PICTURE, {"width": 20, "fileId": odd})
    assert (reply.status_code, "savedFileId" in reply.json()) == (200, False)


async def test_what_a_tool_saves_belongs_to_the_owner_of_its_parent(admin: SnapOtter, person: SnapOtter) -> None:
    first = await kept(person)
    reply = await admin.tool("resize", PICTURE, {"width": 20}, fileId=first["id"])
    assert await listed(person) == [reply.json()["savedFileId"]]


async def test_a_key_without_the_scope_saves_nothing(visitor: SnapOtter, pilio: Pilio, native: AsyncClient) -> None:
    owner = visitor.of(pilio.api_key)
    first = await kept(owner)
    _, secret = await native.keys.create("tools", ["tasks:write", "files:read"])
    limited = visitor.of(secret)
    error(await limited.tool("resize", PICTURE, {"width": 20}, fileId=first["id"]), 403)
    assert (await limited.tool("resize", PICTURE, {"width": 20})).status_code == 200
    assert await listed(limited) == [first["id"]]
    for refused in (await limited.form(f"{FILES}/upload", ("file", PICTURE, "a.png")), await delete(limited, first["id"])):
        error(refused, 403)
    assert await listed(owner) == [first["id"]]


async def test_a_refused_tool_saves_nothing(person: SnapOtter) -> None:
    first = await kept(person)
    error(await person.tool("resize", PICTURE, {"width": -1}, fileId=first["id"]), 400)
    error(await person.tool("crop", PICTURE, {"left": 60, "top": 0, "width": 30, "height": 9}, fileId=first["id"]), 422)
    assert await listed(person) == [first["id"]]


async def test_the_final_event_has_the_saved_file(person: SnapOtter) -> None:
    first, job = await kept(person), str(uuid.uuid4())
    reply = await person.tool("resize", PICTURE, {"width": 20}, fileId=first["id"], clientJobId=job)
    events = await person.get(f"/api/v1/jobs/{job}/progress")
    [told] = [json.loads(line.removeprefix("data: ")) for line in events.text.splitlines() if line.startswith("data: ")]
    assert told["result"]["savedFileId"] == reply.json()["savedFileId"]


@pytest.mark.thorough
async def test_two_results_of_one_file_at_once(person: SnapOtter) -> None:
    first = await kept(person)
    replies = await asyncio.gather(
        *(person.tool("resize", PICTURE, {"width": 20 + number}, fileId=first["id"]) for number in range(3)),
        *(person.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", first["id"])) for _ in range(3)),
    )
    assert [reply.status_code for reply in replies] == [200, 200, 200, 201, 201, 201]
    versions = (await person.get(f"{FILES}/{first['id']}")).json()["versions"]
    assert sorted(file["version"] for file in versions) == [1, 2, 2, 2, 2, 2, 2]
    assert len(await listed(person)) == 1
    assert (await delete(person, first["id"])).json() == {"deleted": 7}


async def test_a_deletion_during_saves_leaves_nothing(visitor: SnapOtter, pilio: Pilio) -> None:
    owner = visitor.of(pilio.api_key)
    for _ in range(3):
        first = await kept(owner)
        replies = await asyncio.gather(
            owner.tool("resize", PICTURE, {"width": 20}, fileId=first["id"]),
            owner.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", first["id"])),
            delete(owner, first["id"]),
            owner.get(f"{FILES}/{first['id']}/thumbnail"),
            owner.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", first["id"])),
            delete(owner, first["id"]),
        )
        assert {reply.status_code for reply in replies} <= {200, 201, 404}
        assert await listed(owner) == []
    # What is left are inputs and results of tasks.
    tasks = (await pilio.get("/v1/tasks")).json()["data"]["items"]
    files = (await pilio.get("/v1/files")).json()["data"]["items"]
    assert len(files) <= 2 * len(tasks)
