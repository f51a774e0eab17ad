"""`split`, `svg-to-raster` and `image-to-base64` (sections 9.4 and 9.5 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pillow_heif
import pytest

from tests.system.pictures import disc, encoded, heic, opened
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_batches import archive, batch

pillow_heif.register_heif_opener()
PNG = encoded(disc(80, 40), "PNG")
JPEG = encoded(disc(80, 40), "JPEG")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="20" height="20" fill="#f00"/></svg>'


# split


async def tiles(caller: SnapOtter, settings: object = None, name: str = "photo.png", picture: bytes = PNG) -> dict[str, tuple[int, int]]:
    reply = await caller.tool("split", picture, settings, name)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/zip"
    assert reply.headers["content-disposition"].startswith('attachment; filename="split-')
    with zipfile.ZipFile(io.BytesIO(reply.content)) as found:
        return {each: opened(found.read(each)).size for each in found.namelist()}


async def test_the_last_column_and_row_take_the_rest(admin: SnapOtter) -> None:
    found = await tiles(admin)
    assert list(found) == [f"photo_r{row}_c{column}.png" for row in (1, 2, 3) for column in (1, 2, 3)]
    assert found["photo_r1_c1.png"] == (26, 13) and found["photo_r3_c3.png"] == (28, 14)


@pytest.mark.parametrize(
    ("settings", "count", "last"),
    [
        ({"columns": 2, "rows": 1}, 2, (40, 40)),
        ({"tileWidth": 30, "tileHeight": 20}, 6, (20, 20)),
        ({"tileWidth": 30}, 9, (28, 14)),
        ({"tileWidth": 500, "tileHeight": 500}, 1, (80, 40)),
    ],
)
async def test_how_many_tiles(admin: SnapOtter, settings: dict[str, Any], count: int, last: tuple[int, int]) -> None:
    found = await tiles(admin, settings)
    assert (len(found), list(found.values())[-1]) == (count, last)


@pytest.mark.parametrize(("format_", "extension"), [("png", "png"), ("jpg", "jpg"), ("webp", "webp"), ("avif", "avif")])
async def test_tiles_in_another_format(admin: SnapOtter, format_: str, extension: str) -> None:
    assert list(await tiles(admin, {"columns": 1, "rows": 1, "outputFormat": format_})) == [f"photo_r1_c1.{extension}"]


async def test_a_name_without_extension_gives_pngs(admin: SnapOtter) -> None:
    assert list(await tiles(admin, {"columns": 1, "rows": 1}, "photo", JPEG)) == ["photo_r1_c1.png"]


async def test_split_refuses(admin: SnapOtter) -> None:
    assert (await admin.form("/api/v1/tools/split", ("file", b"", "a.png"))).json()["error"] == "No image file provided"
    bad = await admin.tool("split", PNG, {"columns": 101})
    assert (bad.status_code, bad.json()["error"]) == (400, "Invalid settings")
    for broken in (b"no picture", PNG[:60]):
        reply = await admin.tool("split", broken)
        assert (reply.status_code, reply.json()["error"]) == (422, "Split failed")


async def test_split_in_a_batch_and_a_pipeline(admin: SnapOtter) -> None:
    found = archive(await batch(admin, "split", [("a.png", PNG), ("b.jpg", JPEG)], {"columns": 2, "rows": 1}))
    assert found.names == ["a_split.zip", "b_split.zip"]
    steps = [{"toolId": "resize", "settings": {"width": 40}}, {"toolId": "split", "settings": {"columns": 2, "rows": 1}}]
    reply = await admin.form("/api/v1/pipeline/execute", ("file", PNG, "a.png"), ("pipeline", json.dumps({"steps": steps})))
    assert reply.status_code == 200, reply.text
    with zipfile.ZipFile(io.BytesIO(await admin.download(reply.json()["downloadUrl"]))) as made:
        assert [opened(made.read(each)).size for each in made.namelist()] == [(20, 20), (20, 20)]


# svg-to-raster


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, (167, 83)),
        ({"dpi": 72}, (40, 20)),
        ({"dpi": 144}, (80, 40)),
        ({"width": 100}, (100, 50)),
        ({"height": 100}, (200, 100)),
        ({"width": 100, "height": 100}, (100, 50)),
    ],
)
async def test_the_size_of_a_drawing(admin: SnapOtter, settings: dict[str, Any], size: tuple[int, int]) -> None:
    made = opened(await admin.result("svg-to-raster", SVG, settings, "drawing.svg"))
    assert all(abs(one - other) <= 1 for one, other in zip(made.size, size, strict=True))
    if "dpi" in settings or "width" in settings:
        assert made.size == size
    assert made.convert("RGBA").getpixel((made.width - 1, 0)) == (0, 0, 0, 0)
    assert made.convert("RGBA").getpixel((1, made.height // 2)) == (255, 0, 0, 255)


@pytest.mark.parametrize("format_", ["png", "jpg", "webp", "avif", "tiff", "gif", "heif"])
async def test_the_formats_of_a_drawing(admin: SnapOtter, format_: str) -> None:
    reply = await admin.tool("svg-to-raster", SVG, {"outputFormat": format_, "dpi": 72, "backgroundColor": "#0000ff"}, "drawing.svg")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["downloadUrl"].endswith(f"/drawing.{format_}")
    assert ("previewUrl" in body) == (format_ in ("tiff", "heif"))
    made = await admin.download(body["downloadUrl"])
    assert opened(made).size == (40, 20)
    red, green, blue = opened(made).convert("RGB").getpixel((30, 10))
    assert red < 40 and green < 40 and blue > 215
    if "previewUrl" in body:
        assert opened(await admin.download(body["previewUrl"])).format == "WEBP"


async def test_svg_to_raster_refuses(admin: SnapOtter) -> None:
    missing = await admin.form("/api/v1/tools/svg-to-raster", ("file", b"", "a.svg"))
    assert (missing.status_code, missing.json()["error"]) == (400, "No SVG file provided")
    other = await admin.tool("svg-to-raster", PNG, {"dpi": 1})
    assert (other.status_code, other.json()["error"]) == (400, "File is not a valid SVG. This tool only accepts SVG files.")
    bad = [{"dpi": 35}, {"width": 65537}, {"quality": 0}, {"backgroundColor": "red"}, {"outputFormat": "bmp"}]
    for settings in bad:
        reply = await admin.tool("svg-to-raster", SVG, settings)
        assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    large = await admin.tool("svg-to-raster", SVG, {"width": 65536})
    assert (large.status_code, large.json()["error"]) == (422, "SVG conversion failed")


async def test_a_batch_of_drawings(admin: SnapOtter) -> None:
    files = [("a.svg", SVG), ("b.png", PNG), ("c.svg", SVG)]
    found = archive(await batch(admin, "svg-to-raster", files, {"dpi": 72, "outputFormat": "webp"}, clientJobId="any id"))
    assert found.names == ["a.webp", "c.webp"]
    assert found.results == {"0": "a.webp", "2": "c.webp"}
    assert found.reply.headers["x-job-id"] == "any id"
    failed = await batch(admin, "svg-to-raster", [("b.png", PNG)])
    assert (failed.status_code, failed.json()["errors"]) == (422, [{"filename": "b.png", "error": "Not a valid SVG file"}])
    none = await batch(admin, "svg-to-raster", [("a.svg", b"")])
    assert (none.status_code, none.json()["error"]) == (400, "No SVG files provided")


# image-to-base64


async def texts(caller: SnapOtter, files: list[tuple[str, bytes]], settings: object = None) -> dict[str, Any]:
    parts: list[Part] = [("file", content, name) for name, content in files]
    if settings is not None:
        parts.append(("settings", settings if isinstance(settings, str) else json.dumps(settings)))
    reply = await caller.form("/api/v1/tools/image-to-base64", *parts)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


@pytest.mark.parametrize("settings", [None, {"maxWidth": 80}, "not JSON"])
async def test_unchanged_pictures_keep_their_bytes(admin: SnapOtter, settings: object) -> None:
    found = await texts(admin, [("a.png", PNG), ("b.jpg", JPEG)], settings)
    assert found["errors"] == []
    for told, name, type_, content in zip(found["results"], ("a.png", "b.jpg"), ("image/png", "image/jpeg"), (PNG, JPEG), strict=True):
        text = base64.b64encode(content).decode()
        assert told == {
            "filename": name,
            "mimeType": type_,
            "width": 80,
            "height": 40,
            "originalSize": len(content),
            "encodedSize": len(text),
            "overheadPercent": pytest.approx(round((len(text) - len(content)) / len(content) * 1000) / 10),
            "base64": text,
            "dataUri": f"data:{type_};base64,{text}",
        }


@pytest.mark.parametrize(
    ("settings", "kind", "size"),
    [
        ({"maxWidth": 40}, "PNG", (40, 20)),
        ({"maxHeight": 10}, "PNG", (20, 10)),
        ({"outputFormat": "jpeg"}, "JPEG", (80, 40)),
        ({"outputFormat": "webp", "maxWidth": 20, "maxHeight": 20}, "WEBP", (20, 10)),
        ({"outputFormat": "avif", "maxWidth": 500}, "AVIF", (80, 40)),
        ({"outputFormat": "png"}, "PNG", (80, 40)),
    ],
)
async def test_changed_pictures(admin: SnapOtter, settings: dict[str, Any], kind: str, size: tuple[int, int]) -> None:
    [told] = (await texts(admin, [("a.png", PNG)], settings))["results"]
    picture = opened(base64.b64decode(told["base64"]))
    assert (picture.format, picture.size, (told["width"], told["height"])) == (kind, size, size)
    assert told["mimeType"] == f"image/{kind.lower()}" and told["originalSize"] == len(PNG)


async def test_heic_becomes_jpeg_and_svg_stays(admin: SnapOtter) -> None:
    photo, drawing = (await texts(admin, [("a.heic", heic(disc(80, 60))), ("b.svg", SVG)]))["results"]
    assert photo["mimeType"] == "image/jpeg" and opened(base64.b64decode(photo["base64"])).size == (80, 60)
    assert drawing["mimeType"] == "image/svg+xml" and base64.b64decode(drawing["base64"]) == SVG


async def test_bad_files_are_listed(admin: SnapOtter) -> None:
    found = await texts(admin, [("a.png", b"no picture"), ("b.png", PNG), ("c.png", PNG[:60])])
    assert [told["filename"] for told in found["results"]] == ["b.png"]
    assert [told["filename"] for told in found["errors"]] == ["a.png", "c.png"]
    assert all(told["error"] for told in found["errors"])


async def test_base64_refuses(admin: SnapOtter) -> None:
    missing = await admin.form("/api/v1/tools/image-to-base64", ("file", b"", "a.png"))
    assert (missing.status_code, missing.json()["error"]) == (400, "No image files provided")
    for settings in ({"quality": 0}, {"maxWidth": -1}, {"outputFormat": "gif"}):
        reply = await admin.tool("image-to-base64", PNG, settings)
        assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
