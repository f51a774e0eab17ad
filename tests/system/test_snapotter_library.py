"""SnapOtter's library (section 4.6 of its contract), through the public port."""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, heic, opened
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_library import FIELDS, FILES, PICTURE, SAVE, UNKNOWN, delete, kept, listed, saved
from tests.system.test_snapotter_files import error

PHOTO = encoded(disc(640, 480), "JPEG")


def picture(format_: str) -> bytes:
    """A picture of 16 × 12 pixels."""
    match format_:
        case "HEIC":
            return heic(disc(16, 12))
        case "SVG":
            return b'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="12"><rect width="16" height="12" fill="red"/></svg>'
        case _:
            return encoded(disc(16, 12), format_)


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


@pytest.mark.thorough
@pytest.mark.parametrize("format_", ["HEIC", "SVG", "GIF", "BMP", "TIFF"])
async def test_thumbnails_of_other_formats(person: SnapOtter, format_: str) -> None:
    file = await kept(person, picture(format_), f"a.{format_.lower()}")
    reply = await person.get(f"{FILES}/{file['id']}/thumbnail")
    assert reply.status_code == 200, reply.text
    assert (opened(reply.content).format, opened(reply.content).size) == ("JPEG", (16, 12))


@pytest.mark.thorough
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
