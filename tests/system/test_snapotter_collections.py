"""SnapOtter's color-palette, find-duplicates and favicon (sections 9.3 and 9.4 of its contract), through the public port."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import Part, SnapOtter

DUPLICATES, FAVICON = "/api/v1/tools/find-duplicates", "/api/v1/tools/favicon"


def noise(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture with structure that no other has."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def files(*pictures: tuple[str, bytes]) -> list[Part]:
    return [("file", content, name) for name, content in pictures]


def refused(reply: httpx.Response, status: int = 400) -> str:
    assert reply.status_code == status, reply.text
    return str(reply.json()["error"])


# color-palette


async def palette(caller: SnapOtter, picture: Image.Image) -> dict[str, Any]:
    reply = await caller.tool("color-palette", encoded(picture, "PNG"), name="a b.png")
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def test_a_flat_picture_has_one_colour(admin: SnapOtter) -> None:
    assert await palette(admin, Image.new("RGB", (80, 60), (200, 100, 50))) == {"filename": "a b.png", "colors": ["#d06030"], "count": 1}


async def test_colours_come_by_frequency_and_near_ones_are_left_out(admin: SnapOtter) -> None:
    shown = np.zeros((50, 50, 3), np.uint8)
    shown[:25], shown[25:40], shown[40:47], shown[47:] = (0, 0, 240), (240, 0, 0), (16, 16, 240), (255, 255, 255)
    assert (await palette(admin, Image.fromarray(shown)))["colors"] == ["#0000f0", "#f00000", "#ffffff"]


async def test_there_are_at_most_eight(admin: SnapOtter) -> None:
    rows = np.random.default_rng(3).integers(0, 256, (50, 50, 3)).astype(np.uint8)
    body = await palette(admin, Image.fromarray(rows))
    assert (len(body["colors"]), body["count"]) == (8, 8)
    assert all(colour == colour.lower() and len(colour) == 7 for colour in body["colors"])


async def test_alpha_does_not_count(admin: SnapOtter) -> None:
    assert (await palette(admin, Image.new("RGBA", (9, 9), (0, 128, 0, 0))))["count"] == 1


async def test_a_palette_is_refused(admin: SnapOtter) -> None:
    assert refused(await admin.form("/api/v1/tools/color-palette")) == "No image file provided"
    assert refused(await admin.tool("color-palette", b"no picture"), 422) == "Color extraction failed"


# find-duplicates


async def test_the_same_picture_in_other_sizes_formats_and_qualities(admin: SnapOtter) -> None:
    large = noise(1, (640, 480))
    sent = [
        ("one.png", encoded(noise(1), "PNG")),
        ("other.png", encoded(noise(2), "PNG")),
        ("large.jpg", encoded(large, "JPEG", quality=40)),
        ("brighter.webp", encoded(ImageEnhance.Brightness(noise(1)).enhance(1.1), "WEBP")),
    ]
    body = (await admin.form(DUPLICATES, *files(*sent))).json()
    assert (body["totalImages"], body["uniqueImages"]) == (4, 1)
    [group] = body["duplicateGroups"]
    assert group["groupId"] == 1
    assert [file["filename"] for file in group["files"]] == ["one.png", "large.jpg", "brighter.webp"]
    assert group["files"][0]["similarity"] == 100
    assert all(93 <= file["similarity"] <= 100 for file in group["files"])
    assert [file["isBest"] for file in group["files"]] == [False, True, False]
    assert [(file["width"], file["height"], file["format"]) for file in group["files"]] == [
        (160, 120, "png"),
        (640, 480, "jpeg"),
        (160, 120, "webp"),
    ]
    assert [file["fileSize"] for file in group["files"]] == [len(sent[0][1]), len(sent[2][1]), len(sent[3][1])]
    assert body["spaceSaveable"] == len(sent[0][1]) + len(sent[3][1])
    kind, _, text = group["files"][1]["thumbnail"].partition(",")
    thumbnail = opened(base64.b64decode(text))
    assert (kind, thumbnail.format, thumbnail.size) == ("data:image/jpeg;base64", "JPEG", (200, 150))
    assert set(group["files"][0]) == {"filename", "similarity", "width", "height", "fileSize", "format", "isBest", "thumbnail"}


async def test_pictures_that_differ_are_in_no_group(admin: SnapOtter) -> None:
    body = (await admin.form(DUPLICATES, *files(*((f"{seed}.png", encoded(noise(seed), "PNG")) for seed in range(5))))).json()
    assert body == {"totalImages": 5, "duplicateGroups": [], "uniqueImages": 5, "spaceSaveable": 0}


async def test_of_equal_sizes_the_largest_file_is_best(admin: SnapOtter) -> None:
    sent = [("a.jpg", encoded(noise(1), "JPEG", quality=30)), ("b.png", encoded(noise(1), "PNG"))]
    [group] = (await admin.form(DUPLICATES, *files(*sent))).json()["duplicateGroups"]
    assert [file["isBest"] for file in group["files"]] == [False, True]


async def test_a_threshold(admin: SnapOtter) -> None:
    # Hashes of a flat picture have no bit set; steps along the rows set some.
    steps = Image.fromarray(
        np.repeat(np.repeat([[200, 100, 100, 100, 100, 100, 100, 100, 100]], 8, 0), 20, 1).astype(np.uint8).repeat(20, 0)
    )
    sent = files(("flat.png", encoded(Image.new("L", (180, 160), 100), "PNG")), ("step.png", encoded(steps, "PNG")))
    for threshold, alike in ((0, 0), (20, 1)):
        for given in (("settings", json.dumps({"threshold": threshold})), ("threshold", str(threshold))):
            body = (await admin.form(DUPLICATES, *sent, given)).json()
            assert len(body["duplicateGroups"]) == alike, given
    # The field of its own counts.
    both = await admin.form(DUPLICATES, *sent, ("settings", '{"threshold": 20}'), ("threshold", "0"))
    assert both.json()["duplicateGroups"] == []


async def test_duplicates_are_refused(admin: SnapOtter) -> None:
    one = files(("a.png", encoded(disc(), "PNG")))
    assert refused(await admin.form(DUPLICATES, *one)) == "At least 2 images are required for duplicate detection"
    assert refused(await admin.form(DUPLICATES, *one, ("settings", '{"threshold": 21}'))) == "Invalid settings"
    assert refused(await admin.form(DUPLICATES, *one, ("threshold", "many"))) == "Settings must be valid JSON"
    assert refused(await admin.form(DUPLICATES, *one, ("threshold", "-1"))) == "Invalid settings"
    assert refused(await admin.form(DUPLICATES, *one, *files(("b.png", b"no picture"))), 422) == "Duplicate detection failed"


# favicon


async def icons(caller: SnapOtter, *pictures: tuple[str, bytes]) -> dict[str, bytes]:
    reply = await caller.form(FAVICON, *files(*pictures))
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/zip"
    name = reply.headers["content-disposition"].partition("filename=")[2].strip('"')
    assert name.startswith("favicons-") and name.endswith(".zip") and len(name) == len("favicons-12345678.zip")
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        return {entry: archive.read(entry) for entry in archive.namelist()}


SIZES = {
    "favicon-16x16.png": 16,
    "favicon-32x32.png": 32,
    "favicon-48x48.png": 48,
    "apple-touch-icon.png": 180,
    "android-chrome-192x192.png": 192,
    "android-chrome-512x512.png": 512,
}


async def test_icons_of_one_picture(admin: SnapOtter) -> None:
    shown = np.full((200, 400, 3), (0, 0, 255), np.uint8)
    shown[:, 100:300] = (255, 0, 0)
    made = await icons(admin, ("My logo.png", encoded(Image.fromarray(shown), "PNG")))
    assert set(made) == {*SIZES, "favicon.ico", "manifest.json", "favicon-snippet.html"}
    for name, side in SIZES.items():
        icon = opened(made[name]).convert("RGB")
        assert icon.size == (side, side)
        # What is beside the square shines in at its edge, as the picture is scaled before it is cut.
        inner = np.asarray(icon)[side // 8 : -side // 8, side // 8 : -side // 8].astype(int)
        assert np.abs(inner - (255, 0, 0)).max() < 10
    with Image.open(io.BytesIO(made["favicon.ico"])) as ico:
        assert {(32, 32)} <= ico.info["sizes"]
    manifest = json.loads(made["manifest.json"])
    assert (manifest["name"], manifest["short_name"], manifest["display"]) == ("My logo", "My logo", "standalone")
    assert (manifest["theme_color"], manifest["background_color"]) == ("#ffffff", "#ffffff")
    assert [icon["sizes"] for icon in manifest["icons"]] == ["192x192", "512x512"]
    snippet = made["favicon-snippet.html"].decode()
    assert all(f'sizes="{side}x{side}"' in snippet for side in (16, 32, 48))
    assert 'rel="apple-touch-icon"' in snippet
    assert 'rel="manifest"' in snippet


async def test_icons_keep_transparency(admin: SnapOtter) -> None:
    made = await icons(admin, ("a.png", encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG")))
    assert opened(made["favicon-32x32.png"]).convert("RGBA").getpixel((3, 3)) == (0, 0, 0, 0)


async def test_icons_of_several_pictures_are_in_folders(admin: SnapOtter) -> None:
    picture = encoded(disc(), "PNG")
    made = await icons(admin, ("a.png", picture), ("b.jpg", encoded(disc(), "JPEG")), ("a.webp", encoded(disc(), "WEBP")))
    assert {name.partition("/")[0] for name in made} == {"a", "b", "a-2"}
    assert len(made) == 3 * 9


async def test_favicons_are_refused(admin: SnapOtter) -> None:
    assert refused(await admin.form(FAVICON)) == "No image file provided"
    bad = await admin.form(FAVICON, *files(("a.png", encoded(disc(), "PNG")), ("b.png", b"no picture")))
    assert refused(bad) == 'Invalid file "b.png": Unrecognized image format'
    text = await admin.form(FAVICON, *files(("a.png", encoded(disc(), "PNG"))), ("settings", "{"))
    assert refused(text) == "Settings must be valid JSON"


@pytest.mark.parametrize("settings", ['{"padding": 5}', "{}", "[]"])
async def test_settings_of_favicons_are_ignored(admin: SnapOtter, settings: str) -> None:
    reply = await admin.form(FAVICON, *files(("a.png", encoded(disc(), "PNG"))), ("settings", settings))
    assert reply.status_code == 200
