"""The logo (section 3 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter
from tests.system.test_snapotter_people import refused

PATH, SETTING = "/api/v1/settings/logo", "/api/v1/settings/customLogo"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200"><rect width="400" height="200" fill="#00f"/></svg>'
PICTURE = encoded(disc(64, 48), "PNG")
# They change one thing.
pytestmark = pytest.mark.xdist_group("logo")


@pytest.fixture
async def keeper(admin: SnapOtter) -> AsyncIterator[SnapOtter]:
    """Somebody who may change the logo; there is none before and after."""
    await admin.call("DELETE", PATH)
    yield admin
    await admin.call("DELETE", PATH)


def sent(content: bytes, name: str = "logo.png", kind: str = "image/png", *, more: bytes = b"") -> tuple[bytes, dict[str, str]]:
    """A form with one file, and its content type."""
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
    if kind:
        head += f"Content-Type: {kind}\r\n".encode()
    return b"--edge\r\n" + head + b"\r\n" + content + b"\r\n" + more + b"--edge--\r\n", {
        "content-type": "multipart/form-data; boundary=edge"
    }


async def upload(caller: SnapOtter, content: bytes, name: str = "logo.png", kind: str = "image/png", path: str = PATH) -> None:
    body, headers = sent(content, name, kind)
    reply = await caller.call("POST", path, body, **headers)
    assert (reply.status_code, reply.text) == (200, '{"ok":true}')


async def shown(caller: SnapOtter) -> Image.Image:
    reply = await caller.get(PATH)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png"), reply.text
    picture = Image.open(io.BytesIO(reply.content))
    assert picture.format == "PNG"
    return picture


async def custom(caller: SnapOtter) -> str:
    value: str = (await caller.get(SETTING)).json()["value"]
    return value


@pytest.mark.parametrize(
    ("content", "name", "kind", "size"),
    [
        (encoded(disc(400, 100), "PNG"), "wide.png", "image/png", (128, 32)),
        (encoded(disc(100, 400), "JPEG"), "high.jpg", "image/jpeg", (32, 128)),
        (encoded(disc(300, 300), "WEBP"), "x", "image/webp; charset=binary", (128, 128)),
        (encoded(disc(20, 10), "PNG"), "small.png", "IMAGE/PNG", (20, 10)),
        (encoded(disc(1, 1), "PNG"), "dot.png", "image/png", (1, 1)),
        (DRAWING, "drawing.svg", "image/svg+xml", (128, 64)),
        (encoded(disc(200, 100), "GIF"), "misnamed.png", "image/anything", (128, 64)),
    ],
)
async def test_a_logo_is_a_png_that_fits(
    keeper: SnapOtter, visitor: SnapOtter, content: bytes, name: str, kind: str, size: tuple[int, int]
) -> None:
    await upload(keeper, content, name, kind)
    assert (await shown(visitor)).size == size
    assert await custom(keeper) == "true"


async def test_a_heic(keeper: SnapOtter, visitor: SnapOtter) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    held = io.BytesIO()
    pillow_heif.from_pillow(disc(256, 128).convert("RGB")).save(held)
    await upload(keeper, held.getvalue(), "photo.heic", "image/heic")
    assert (await shown(visitor)).size == (128, 64)


async def test_replacing_and_removing(keeper: SnapOtter, visitor: SnapOtter) -> None:
    assert refused(await visitor.get(PATH), 404, "NOT_FOUND") == "No custom logo set"
    await upload(keeper, PICTURE)
    first = await visitor.get(PATH)
    tag = first.headers["etag"]
    assert "no-cache" in first.headers["cache-control"]
    again = await visitor.get(PATH, **{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await upload(keeper, encoded(disc(20, 30), "PNG"))
    other = await visitor.get(PATH, **{"if-none-match": tag})
    assert other.status_code == 200
    assert other.headers["etag"] != tag
    for _ in range(2):
        assert (await keeper.call("DELETE", PATH)).json() == {"ok": True}
    assert await custom(keeper) == "false"
    refused(await visitor.get(PATH), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", [PATH, "/api/v1/branding/logo"])
async def test_who_may_not(keeper: SnapOtter, visitor: SnapOtter, person: SnapOtter, path: str) -> None:
    await upload(keeper, PICTURE, path=path)
    _, editor = await keeper.person("editor")
    body, headers = sent(encoded(disc(9, 9), "PNG"))
    for caller in (visitor, visitor.of("nonsense")):
        refused(await caller.call("POST", path, body, **headers), 401, "AUTH_REQUIRED")
        refused(await caller.call("DELETE", path), 401, "AUTH_REQUIRED")
    for caller in (person, editor):
        refused(await caller.call("POST", path, body, **headers), 403, "FORBIDDEN")
        refused(await caller.call("DELETE", path), 403, "FORBIDDEN")
    assert (await visitor.get(path)).content == (await person.get(PATH)).content
    assert (await shown(visitor)).size == (64, 48)
    key = (await keeper.post("/api/v1/api-keys", {"permissions": ["branding:manage"]})).json()["key"]
    assert (await visitor.of(key).call("DELETE", path)).status_code == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"--edge--\r\n", "No file uploaded"),
        (b'--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--edge--\r\n', "No file uploaded"),
        (sent(PICTURE, kind="text/plain")[0], "File must be an image"),
        (sent(PICTURE, kind="")[0], "File must be an image"),
        (sent(b"x" * (500 * 1024 + 1))[0], "Logo must be 500KB or smaller"),
        (sent(b"no picture at all")[0], "Invalid image"),
        (sent(b"")[0], "Invalid image"),
        (sent(PICTURE[:60])[0], ""),
        (sent(b"%PDF-1.4\n", "logo.png")[0], ""),
        (sent(bytes(1000), "a\\b/../\x00.png")[0], ""),
    ],
)
async def test_what_is_refused_changes_nothing(keeper: SnapOtter, visitor: SnapOtter, body: bytes, text: str) -> None:
    for there in (False, True):
        if there:
            await upload(keeper, PICTURE)
        before = await custom(keeper)
        reply = await keeper.call("POST", PATH, body, **{"content-type": "multipart/form-data; boundary=edge"})
        assert reply.status_code == 400 if text else reply.status_code in (400, 422), reply.text
        assert text in reply.json()["error"]
        assert await custom(keeper) == before
        if there:
            assert (await shown(visitor)).size == (64, 48)
        else:
            refused(await visitor.get(PATH), 404, "NOT_FOUND")


async def test_what_is_as_large_as_allowed(keeper: SnapOtter, visitor: SnapOtter) -> None:
    await upload(keeper, PICTURE + bytes(500 * 1024 - len(PICTURE)))
    assert (await shown(visitor)).size == (64, 48)


async def test_the_first_file_counts(keeper: SnapOtter, visitor: SnapOtter) -> None:
    other, _ = sent(encoded(disc(9, 9), "PNG"))
    body, headers = sent(PICTURE, more=other.removesuffix(b"--edge--\r\n"))
    assert (await keeper.call("POST", PATH, body, **headers)).status_code == 200
    assert (await shown(visitor)).size == (64, 48)


@pytest.mark.parametrize("kind", ["application/json", "image/png", "text/plain"])
async def test_what_is_no_form(keeper: SnapOtter, kind: str) -> None:
    assert (await keeper.call("POST", PATH, PICTURE, **{"content-type": kind})).status_code == 406


async def test_a_form_that_breaks_off(keeper: SnapOtter) -> None:
    body, headers = sent(PICTURE)
    reply = await keeper.call("POST", PATH, body[:-9], **headers)
    assert reply.status_code == 400
    assert reply.json()["error"]


async def test_nothing_is_left_of_what_was_sent(keeper: SnapOtter) -> None:
    # The same picture is not found among the files.
    await upload(keeper, encoded(disc(77, 55), "PNG"), "unmistakable.png")
    listed = await keeper.get("/api/v1/files?search=unmistakable")
    assert listed.json()["total"] == 0
