"""`/v1/library`: files that people keep, in versions, through the public port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_library import UNKNOWN, kept, listed

LIBRARY = "/v1/library"
PICTURE = encoded(disc(64, 48), "PNG")
TOLD = {"id", "name", "media_type", "size", "width", "height", "version", "tools", "created_at"}


@pytest.fixture
async def persons(stack: StackUnderTest, person: SnapOtter) -> AsyncIterator[Pilio]:
    """The person, at `/v1`."""
    client = Pilio(stack.url, person.token)
    yield client
    await client.http.aclose()


def data_of(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["data"]
    return found


async def add(pilio: Pilio, **file: str) -> dict[str, Any]:
    """One more version; of a new upload if no file is named."""
    body = {"files": [{"file_id": file.pop("file_id", "") or await pilio.upload("photo.png", PICTURE), **file}]}
    [added] = data_of(await pilio.post(LIBRARY, body))["items"]
    found: dict[str, Any] = added
    return found


async def names(pilio: Pilio, query: str = "") -> list[str]:
    return [file["name"] for file in data_of(await pilio.get(LIBRARY + query))["items"]]


async def refused(reply: httpx.Response) -> tuple[int, int, str | None]:
    body = reply.json()
    return reply.status_code, body["code"], body["data"].get("field")


async def test_an_upload_is_kept_worked_on_and_deleted(pilio: Pilio, other_pilio: Pilio) -> None:
    upload = await pilio.upload("photo.png", PICTURE)
    first = await add(pilio, file_id=upload, name="kept.png")
    assert set(first) == TOLD
    assert (first["name"], first["media_type"], first["size"], first["width"], first["height"]) == (
        "kept.png",
        "image/png",
        len(PICTURE),
        64,
        48,
    )
    assert (first["version"], first["tools"]) == (1, [])
    assert (await pilio.get(f"/v1/files/{upload}")).json()["code"] == 40401

    copy = data_of(await pilio.post(f"{LIBRARY}/{first['id']}/copy", {}))
    assert (copy["status"], copy["origin"], copy["name"]) == ("Ready", "upload", "kept.png")
    task = await pilio.start("/v1/images/remove-background", {"image_file_id": copy["id"]})
    assert (await pilio.finish(task))["status"] == "Succeeded"
    [result] = (await pilio.result(task))["files"]
    second = await add(pilio, file_id=result["id"], name="cut.png", parent_id=first["id"], tool="remove_background")
    assert (second["version"], second["parent_id"], second["tools"]) == (2, first["id"], ["remove_background"])
    assert set(second) == {*TOLD, "parent_id"}

    assert data_of(await pilio.get(f"{LIBRARY}/{first['id']}")) == {"file": first, "versions": [first, second]}
    assert data_of(await pilio.get(LIBRARY)) == {"items": [second], "total": 1}
    assert data_of(await other_pilio.get(LIBRARY)) == {"items": [], "total": 0}
    url = data_of(await pilio.get(f"{LIBRARY}/{first['id']}/download-url"))
    assert url["file"] == first
    downloaded = await pilio.http.get(url["download_url"])
    assert downloaded.content == PICTURE
    assert "kept.png" in downloaded.headers["content-disposition"]

    assert data_of(await other_pilio.post(f"{LIBRARY}/delete", {"ids": [first["id"]]})) == {"deleted": 0}
    assert data_of(await pilio.post(f"{LIBRARY}/delete", {"ids": [second["id"], UNKNOWN, "nonsense"]})) == {"deleted": 2}
    for path in ("", "/download-url"):
        assert await refused(await pilio.get(f"{LIBRARY}/{first['id']}{path}")) == (404, 40401, None)
    assert await refused(await pilio.post(f"{LIBRARY}/{first['id']}/copy", {})) == (404, 40401, None)
    assert await refused(await pilio.delete(f"{LIBRARY}/{first['id']}")) == (404, 40401, None)


async def test_pages_and_searching(pilio: Pilio) -> None:
    for name in ("sea.png", "Sand.png", "tree.png"):
        added = await add(pilio, name=name)
    assert await names(pilio) == ["tree.png", "Sand.png", "sea.png"]
    assert await names(pilio, "?search=s") == ["Sand.png", "sea.png"]
    page = data_of(await pilio.get(f"{LIBRARY}?page_size=1&skip=1"))
    assert ([file["name"] for file in page["items"]], page["total"]) == (["Sand.png"], 3)
    assert data_of(await pilio.delete(f"{LIBRARY}/{added['id']}")) == {"deleted": 1}
    assert await names(pilio) == ["Sand.png", "sea.png"]
    for query, field in (("page_size=201", "page_size"), ("page_size=0", "page_size"), ("skip=-1", "skip")):
        assert await refused(await pilio.get(f"{LIBRARY}?{query}")) == (400, 40001, field)


async def test_a_repeated_call_adds_and_copies_nothing(pilio: Pilio) -> None:
    body, key = {"files": [{"file_id": await pilio.upload("photo.png", PICTURE)}]}, {**pilio.headers, "Idempotency-Key": "mine"}
    added = [await pilio.http.post(pilio.url + LIBRARY, json=body, headers=key) for _ in range(2)]
    assert data_of(added[0]) == data_of(added[1])
    [file] = data_of(added[0])["items"]
    copies = [await pilio.http.post(f"{pilio.url}{LIBRARY}/{file['id']}/copy", headers=key) for _ in range(2)]
    assert data_of(copies[0])["id"] == data_of(copies[1])["id"]
    assert data_of(await pilio.get(LIBRARY))["total"] == 1


@pytest.mark.parametrize(
    ("file", "code", "field"),
    [
        ({}, 40001, "files[0].file_id"),
        ({"file_id": "nonsense"}, 40401, "files[0].file_id"),
        ({"file_id": "999999999999999"}, 40401, "files[0].file_id"),
        ({"file_id": "{upload}", "parent_id": UNKNOWN}, 40401, "files[0].parent_id"),
        ({"file_id": "{upload}", "name": "a/b.png"}, 40001, "files[0].name"),
        ({"file_id": "{upload}", "tool": "x" * 101}, 40001, "files[0].tool"),
        ({"file_id": "{upload}", "owned_as_parent": True}, 40001, "files[0].owned_as_parent"),
    ],
)
async def test_what_cannot_be_kept(pilio: Pilio, file: dict[str, object], code: int, field: str) -> None:
    upload = await pilio.upload("photo.png", PICTURE)
    body = {"files": [{name: upload if value == "{upload}" else value for name, value in file.items()}]}
    assert await refused(await pilio.post(LIBRARY, body)) == (400, code, field)
    assert data_of(await pilio.get(LIBRARY))["total"] == 0


async def test_people_see_their_own_and_the_files_of_snapotters_library(persons: Pilio, person: SnapOtter, admin: SnapOtter) -> None:
    mine = await add(persons)
    theirs = await kept(person, name="other.png")
    assert await listed(person) == [theirs["id"], mine["id"]]
    items = data_of(await persons.get(LIBRARY))["items"]
    assert [file["id"] for file in items] == [theirs["id"], mine["id"]]
    assert items[0]["owner_id"] == items[1]["owner_id"] != ""
    thumbnail = await person.get(f"/api/v1/files/{mine['id']}/thumbnail")
    assert (thumbnail.status_code, opened(thumbnail.content).size) == (200, (64, 48))
    url = data_of(await persons.get(f"{LIBRARY}/{mine['id']}/thumbnail"))["download_url"]
    assert (await persons.http.get(url)).content == thumbnail.content
    redirected = await persons.get(f"{LIBRARY}/{theirs['id']}/thumbnail?redirect=true")
    assert redirected.status_code == 303
    assert opened((await persons.http.get(redirected.headers["location"])).content).format == "JPEG"

    _, stranger = await admin.person()
    elsewhere = Pilio(persons.url, stranger.token, persons.http)
    assert data_of(await elsewhere.get(LIBRARY)) == {"items": [], "total": 0}
    assert await refused(await elsewhere.get(f"{LIBRARY}/{mine['id']}")) == (404, 40401, None)
    everybodys = Pilio(persons.url, admin.token, persons.http)
    assert data_of(await everybodys.get(f"{LIBRARY}/{mine['id']}"))["file"] == mine
