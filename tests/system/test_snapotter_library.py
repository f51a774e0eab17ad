"""SnapOtter's library (section 4.6 of its contract, and `fileId` of its tools), through the public port."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import Any

import httpx
import pytest
from PIL import Image

from darkroom import AsyncClient
from tests.system.pictures import disc, encoded, heic, opened
from tests.system.pilio import Pilio
from tests.system.snapotter import Part, SnapOtter
from tests.system.test_snapotter_files import error

PICTURE = encoded(disc(64, 48), "PNG")
PHOTO = encoded(disc(640, 480), "JPEG")
FIELDS = {"id", "originalName", "mimeType", "size", "width", "height", "version", "parentId", "toolChain", "createdAt"}
FILES = "/api/v1/files"
SAVE = "/api/v1/files/save-result"
UNKNOWN = "7b0d3c1e-5a52-4d5f-8f0e-1c2d3e4f5a6b"


def picture(format_: str) -> bytes:
    """A picture of 16 × 12 pixels."""
    match format_:
        case "HEIC":
            return heic(disc(16, 12))
        case "SVG":
            return b'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="12"><rect width="16" height="12" fill="red"/></svg>'
        case _:
            return encoded(disc(16, 12), format_)


async def kept(caller: SnapOtter, content: bytes = PICTURE, name: str = "photo.png") -> dict[str, Any]:
    """A file in the caller's library."""
    reply = await caller.form(f"{FILES}/upload", ("file", content, name))
    assert reply.status_code == 201, reply.text
    [file] = reply.json()["files"]
    found: dict[str, Any] = file
    return found


async def saved(caller: SnapOtter, parent: str, content: bytes = PICTURE, name: str = "new.png", **fields: str) -> dict[str, Any]:
    """A new version of a file."""
    reply = await caller.form(SAVE, ("file", content, name), ("parentId", parent), *fields.items())
    assert reply.status_code == 201, reply.text
    file: dict[str, Any] = reply.json()["file"]
    return file


async def listed(caller: SnapOtter, query: str = "") -> list[str]:
    """The ids of what the caller sees."""
    reply = await caller.get(f"{FILES}{query}")
    assert reply.status_code == 200, reply.text
    return [file["id"] for file in reply.json()["files"]]


async def delete(caller: SnapOtter, *ids: object) -> httpx.Response:
    return await caller.call("DELETE", FILES, {"ids": list(ids)})


@pytest.fixture
async def person(admin: SnapOtter) -> SnapOtter:
    """Somebody with the role `user` and an empty library."""
    return (await admin.person())[1]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", FILES),
        ("POST", f"{FILES}/upload"),
        ("POST", SAVE),
        ("DELETE", FILES),
        ("GET", f"{FILES}/{UNKNOWN}"),
        ("GET", f"{FILES}/{UNKNOWN}/download"),
        ("GET", f"{FILES}/{UNKNOWN}/thumbnail"),
        ("DELETE", f"{FILES}/{UNKNOWN}"),
    ],
)
async def test_every_call_needs_a_token(visitor: SnapOtter, verb: str, path: str) -> None:
    assert error(await visitor.call(verb, path), 401) == "Authentication required"
    assert error(await visitor.of("nonsense").call(verb, path), 401) == "Session expired or invalid"


async def test_an_upload_is_kept(person: SnapOtter) -> None:
    reply = await person.form(f"{FILES}/upload", ("file", PICTURE, "photo.png"), ("x", b"", "empty.png"), ("y", PHOTO, "../b.jpg"))
    assert reply.status_code == 201, reply.text
    assert set(reply.json()) == {"files"}
    first, second = reply.json()["files"]
    assert set(first) == set(second) == FIELDS
    assert uuid.UUID(first["id"]).version == 4
    assert (first["originalName"], first["mimeType"], first["size"]) == ("photo.png", "image/png", len(PICTURE))
    assert (first["width"], first["height"]) == (64, 48)
    assert (first["version"], first["parentId"], first["toolChain"]) == (1, None, [])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["createdAt"])
    assert (second["originalName"], second["mimeType"], second["width"], second["height"]) == ("b.jpg", "image/jpeg", 640, 480)
    assert second["id"] != first["id"]


@pytest.mark.parametrize(
    ("format_", "name", "media_type", "size"),
    [
        ("WEBP", "a.webp", "image/webp", (16, 12)),
        ("GIF", "a.gif", "image/gif", (16, 12)),
        ("TIFF", "a.tiff", "image/tiff", (16, 12)),
        ("AVIF", "a.avif", "image/avif", (16, 12)),
        ("BMP", "a.bmp", "image/bmp", (0, 0)),
        ("ICO", "a.ico", "application/octet-stream", (0, 0)),
        ("HEIC", "a.heic", "application/octet-stream", (16, 12)),
        ("SVG", "a.svg", "application/octet-stream", (16, 12)),
        ("PNG", "really-a-png.jpg", "image/png", (16, 12)),
    ],
)
async def test_the_types_of_files(person: SnapOtter, format_: str, name: str, media_type: str, size: tuple[int, int]) -> None:
    file = await kept(person, picture(format_), name)
    assert (file["originalName"], file["mimeType"], (file["width"], file["height"])) == (name, media_type, size)


async def test_one_bad_file_fails_an_upload(person: SnapOtter) -> None:
    for bad, reason in ((b"no picture", "Unrecognized image format"), (PICTURE[:20], "Failed to read image metadata")):
        reply = await person.form(f"{FILES}/upload", ("file", PICTURE, "photo.png"), ("x", bad, "bad.png"))
        assert error(reply, 400) == f'Invalid file "bad.png": {reason}'
    assert await listed(person) == []


async def test_an_upload_of_nothing(person: SnapOtter) -> None:
    assert error(await person.form(f"{FILES}/upload"), 400) == "No valid files uploaded"
    assert error(await person.form(f"{FILES}/upload", ("file", b"", "a.png")), 400) == "No valid files uploaded"


@pytest.mark.parametrize("path", [f"{FILES}/upload", SAVE])
async def test_a_body_that_is_no_form(person: SnapOtter, path: str) -> None:
    error(await person.post(path, {}), 406)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\boot.ini", "a\tb\n.png", "n" * 5000 + ".png", 'q"uote;$(x)<script>.png', "😀 \u202egnp.exe.png", "", ".."],
)
async def test_hostile_names(person: SnapOtter, name: str) -> None:
    reply = await person.form(f"{FILES}/upload", ("file", PICTURE, name))
    assert reply.status_code in (201, 400), reply.text
    if reply.status_code == 201:
        [file] = reply.json()["files"]
        assert not {"/", "\\", "\0", "\n", "\u202e"} & set(file["originalName"])
        assert len(file["originalName"].encode()) <= 200
        assert (await person.get(f"{FILES}/{file['id']}/download")).content == PICTURE


async def test_the_list_begins_with_the_newest_and_has_pages(person: SnapOtter) -> None:
    files = [await kept(person, name=f"{number}.png") for number in range(4)]
    ids = [file["id"] for file in reversed(files)]
    body = (await person.get(FILES)).json()
    assert body == {"files": files[::-1], "total": 4, "limit": 50, "offset": 0}
    body = (await person.get(f"{FILES}?limit=2&offset=1")).json()
    assert ([file["id"] for file in body["files"]], body["total"], body["limit"], body["offset"]) == (ids[1:3], 4, 2, 1)
    for query, limit, offset in (("limit=0", 50, 0), ("limit=x&offset=y", 50, 0), ("limit=-3&offset=-1", 50, 0), ("limit=&offset=", 50, 0)):
        body = (await person.get(f"{FILES}?{query}")).json()
        assert (len(body["files"]), body["total"], body["limit"], body["offset"]) == (4, 4, limit, offset), query
    assert (await person.get(f"{FILES}?offset=9")).json() == {"files": [], "total": 4, "limit": 50, "offset": 9}
    for odd in ("1e400", "1e30", "nan", "%00", "9" * 400):
        assert (await person.get(f"{FILES}?limit={odd}&offset={odd}")).status_code == 200, odd


async def test_a_search_is_a_part_of_the_name(person: SnapOtter) -> None:
    cat, off = await kept(person, name="Cat.png"), await kept(person, name="50%_off.png")
    expected = {
        "cat": [cat],
        "CAT": [cat],
        "%25": [off],
        "_": [off],
        "%20cat%20": [cat],
        "dog": [],
        "%00": [],
        "'%20OR%201=1": [],
        "": [off, cat],
        "%20": [off, cat],
        "x" * 5000: [],
    }
    for search, found in expected.items():
        body = (await person.get(f"{FILES}?search={search}")).json()
        assert (body["files"], body["total"]) == (found, len(found)), search


async def test_the_list_has_the_newest_version_of_each_chain(person: SnapOtter) -> None:
    first, other = await kept(person), await kept(person)
    second = await saved(person, first["id"])
    third = await saved(person, second["id"])
    body = (await person.get(FILES)).json()
    assert ([file["id"] for file in body["files"]], body["total"]) == ([third["id"], other["id"]], 2)


async def test_people_see_their_own_files(admin: SnapOtter, person: SnapOtter) -> None:
    file, (_, stranger) = await kept(person), await admin.person()
    assert await listed(person) == [file["id"]]
    assert await listed(stranger) == []
    for part in ("", "/download", "/thumbnail"):
        assert error(await stranger.get(f"{FILES}/{file['id']}{part}"), 404) == "File not found"
    assert (await delete(stranger, file["id"])).json() == {"deleted": 0}
    error(await stranger.call("DELETE", f"{FILES}/{file['id']}"), 404)
    assert await listed(person) == [file["id"]]


async def test_holders_of_files_all_see_and_delete_everybodys(admin: SnapOtter, person: SnapOtter) -> None:
    name = f"{uuid.uuid4()}.png"
    file, (_, editor) = await kept(person, name=name), await admin.person("editor")
    for caller in (admin, editor):
        assert await listed(caller, f"?search={name}") == [file["id"]]
        assert (await caller.get(f"{FILES}/{file['id']}")).json()["file"] == file
        assert (await caller.get(f"{FILES}/{file['id']}/download")).content == PICTURE
        assert (await caller.get(f"{FILES}/{file['id']}/thumbnail")).status_code == 200
    assert (await delete(editor, file["id"])).json() == {"deleted": 1}
    assert await listed(person) == []


async def test_a_key_sees_what_its_owner_and_its_list_allow(admin: SnapOtter, person: SnapOtter) -> None:
    name = f"{uuid.uuid4()}.png"
    file = await kept(person, name=name)
    key = person.of((await person.post("/api/v1/api-keys", {})).json()["key"])
    assert await listed(key) == [file["id"]]
    _, editor = await admin.person("editor")
    full = editor.of((await editor.post("/api/v1/api-keys", {})).json()["key"])
    limited = editor.of((await editor.post("/api/v1/api-keys", {"permissions": ["files:own"]})).json()["key"])
    assert await listed(full, f"?search={name}") == [file["id"]]
    assert await listed(limited, f"?search={name}") == []
    error(await limited.get(f"{FILES}/{file['id']}"), 404)


async def test_a_key_of_the_account_has_a_library(visitor: SnapOtter, pilio: Pilio, person: SnapOtter) -> None:
    owner = visitor.of(pilio.api_key)
    file, hers = await kept(owner), await kept(person)
    assert await listed(owner) == [file["id"]]
    error(await owner.get(f"{FILES}/{hers['id']}"), 404)
    assert (await delete(owner, file["id"], hers["id"])).json() == {"deleted": 1}


async def test_the_files_of_somebody_who_is_removed_go(admin: SnapOtter) -> None:
    added, person = await admin.person()
    name = f"{uuid.uuid4()}.png"
    file = await kept(person, name=name)
    await saved(person, file["id"])
    assert (await admin.call("DELETE", f"/api/auth/users/{added['id']}")).status_code == 200
    async with asyncio.timeout(30):
        while await listed(admin, f"?search={name}"):
            await asyncio.sleep(0.2)
    error(await admin.get(f"{FILES}/{file['id']}"), 404)


async def test_a_file_and_its_versions(person: SnapOtter) -> None:
    first = await kept(person)
    second = await saved(person, first["id"], toolId="crop")
    third = await saved(person, second["id"])
    for file in (first, second, third):
        body = (await person.get(f"{FILES}/{file['id']}")).json()
        assert body == {"file": file, "versions": [first, second, third]}


@pytest.mark.parametrize("part", ["", "/download", "/thumbnail"])
@pytest.mark.parametrize("file", [UNKNOWN, "1", "nonsense", "%00", "%2e%2e", "x" * 3000, f"{{{UNKNOWN}}}"])
async def test_what_is_not_there(person: SnapOtter, file: str, part: str) -> None:
    assert (await person.get(f"{FILES}/{file}{part}")).status_code == 404


async def test_a_download_is_an_attachment_with_its_name(person: SnapOtter) -> None:
    file = await kept(person, PHOTO, "größe 1.jpg")
    reply = await person.get(f"{FILES}/{file['id']}/download")
    assert (reply.status_code, reply.content) == (200, PHOTO)
    assert reply.headers["content-type"] == "image/jpeg"
    disposition = reply.headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert "gr%C3%B6%C3%9Fe%201.jpg" in disposition
    assert reply.headers["x-content-type-options"] == "nosniff"
    part = await person.get(f"{FILES}/{file['id']}/download", range="bytes=0-3")
    assert (part.status_code, part.content) == (206, PHOTO[:4])
    head = await person.call("HEAD", f"{FILES}/{file['id']}/download")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(PHOTO)))


@pytest.mark.parametrize(("size", "expected"), [((640, 480), (300, 225)), ((64, 48), (64, 48)), ((300, 900), (300, 900))])
async def test_a_thumbnail_is_a_jpeg_of_at_most_300_pixels(person: SnapOtter, size: tuple[int, int], expected: tuple[int, int]) -> None:
    file = await kept(person, encoded(disc(*size), "PNG"))
    for _ in range(2):
        reply = await person.get(f"{FILES}/{file['id']}/thumbnail")
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "image/jpeg"
        assert reply.headers["cache-control"] == "public, max-age=86400, immutable"
        picture = opened(reply.content)
        assert (picture.format, picture.size) == ("JPEG", expected)


@pytest.mark.parametrize("format_", ["HEIC", "SVG", "GIF", "BMP", "TIFF"])
async def test_thumbnails_of_other_formats(person: SnapOtter, format_: str) -> None:
    file = await kept(person, picture(format_), f"a.{format_.lower()}")
    reply = await person.get(f"{FILES}/{file['id']}/thumbnail")
    assert reply.status_code == 200, reply.text
    assert (opened(reply.content).format, opened(reply.content).size) == ("JPEG", (16, 12))


async def test_thumbnails_at_once_are_the_same(person: SnapOtter) -> None:
    file = await kept(person, PHOTO, "a.jpg")
    replies = await asyncio.gather(*(person.get(f"{FILES}/{file['id']}/thumbnail") for _ in range(6)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1


async def test_a_thumbnail_that_cannot_be_made(person: SnapOtter) -> None:
    broken = bytearray(encoded(Image.effect_noise((200, 200), 60), "PNG"))
    broken[60:-60] = bytes(len(broken) - 120)
    file = await kept(person, bytes(broken), "broken.png")
    assert error(await person.get(f"{FILES}/{file['id']}/thumbnail"), 422) == "Could not generate thumbnail"


async def test_a_deletion_takes_whole_chains(person: SnapOtter) -> None:
    first, other = await kept(person), await kept(person)
    second = await saved(person, first["id"])
    third = await saved(person, second["id"])
    await person.get(f"{FILES}/{third['id']}/thumbnail")
    reply = await delete(person, second["id"], str(uuid.uuid4()), "nonsense", "\0")
    assert (reply.status_code, reply.json()) == (200, {"deleted": 3})
    for file in (first, second, third):
        assert (await person.get(f"{FILES}/{file['id']}")).status_code == 404
        assert (await person.get(f"{FILES}/{file['id']}/download")).status_code == 404
    assert await listed(person) == [other["id"]]
    assert (await delete(person, first["id"])).json() == {"deleted": 0}


@pytest.mark.parametrize("body", [None, {}, {"ids": []}, {"ids": "x"}, {"ids": None}, {"ids": [1]}, {"ids": ["x", None]}, [], "x", None, 7])
async def test_a_deletion_of_nothing(person: SnapOtter, body: object) -> None:
    error(await person.call("DELETE", FILES, body), 400)
    error(await person.call("DELETE", FILES, b"null"), 400)


async def test_a_deletion_whose_body_is_no_json(person: SnapOtter) -> None:
    error(await person.call("DELETE", FILES, b"{"), 400)
    error(await person.call("DELETE", FILES, {"ids": ["x"]}, **{"content-type": "text/plain"}), 415)


async def test_a_deletion_of_many(person: SnapOtter) -> None:
    files = [await kept(person) for _ in range(3)]
    unknown = [str(uuid.uuid4()) for _ in range(2500)]
    assert (await delete(person, files[0]["id"], *unknown, *(file["id"] for file in files))).json() == {"deleted": 3}


async def test_one_file_can_be_deleted_by_its_path(person: SnapOtter) -> None:
    first = await kept(person)
    second = await saved(person, first["id"])
    reply = await person.call("DELETE", f"{FILES}/{first['id']}")
    assert (reply.status_code, reply.json()) == (200, {"deleted": 2})
    for file in (first["id"], second["id"], "nonsense", "%00"):
        error(await person.call("DELETE", f"{FILES}/{file}"), 404)


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


async def test_the_library_is_apart_from_the_files_of_the_account(visitor: SnapOtter, pilio: Pilio) -> None:
    owner = visitor.of(pilio.api_key)
    file = await kept(owner)
    assert (await owner.get(f"{FILES}/{file['id']}/thumbnail")).status_code == 200
    assert (await pilio.get("/v1/files")).json()["data"]["items"] == []
    refusals = [
        await owner.form(f"{FILES}/upload", ("file", PICTURE, "a.png"), ("x", b"no picture", "bad.png")),
        await owner.form(SAVE, ("file", PICTURE, "a.png"), ("parentId", str(uuid.uuid4()))),
        await owner.form(SAVE, ("file", PICTURE, "a.png")),
    ]
    assert [reply.status_code for reply in refusals] == [400, 404, 400]
    assert (await pilio.get("/v1/files")).json()["data"]["items"] == []
    assert await listed(owner) == [file["id"]]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", FILES),
        ("PUT", FILES),
        ("POST", f"{FILES}/x"),
        ("PUT", f"{FILES}/x"),
        ("GET", f"{FILES}/x/y"),
        ("GET", f"{FILES}/x/y%0Az"),
        ("POST", f"{FILES}/x/download"),
    ],
)
async def test_other_verbs_and_paths_do_not_exist(person: SnapOtter, verb: str, path: str) -> None:
    reply = await person.call(verb, path)
    assert (reply.status_code, reply.json()["error"]) == (404, "Not Found")
