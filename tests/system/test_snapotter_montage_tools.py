"""SnapOtter's tools that put several pictures together (section 9.3 of its contract), through the public port."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import encoded, opened
from tests.system.snapotter import Part, SnapOtter

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}
TOO_FEW = {"stitch": "At least 2 images are required for stitching", "collage": "No images provided"}
NEEDED: dict[str, dict[str, Any]] = {"stitch": {}, "collage": {"templateId": "2-h-equal"}}


def flat(colour: tuple[int, ...], width: int = 40, height: int = 30, format_: str = "PNG") -> bytes:
    return encoded(Image.new("RGB" if len(colour) == 3 else "RGBA", (width, height), colour), format_)


async def call(
    caller: SnapOtter, tool: str, pictures: list[bytes], settings: object = None, names: list[str] | None = None
) -> httpx.Response:
    named = names or [f"picture{number}.png" for number in range(len(pictures))]
    parts: list[Part] = [("file", picture, name) for picture, name in zip(pictures, named, strict=True)]
    if settings is not None:
        parts.append(("settings", settings if isinstance(settings, str) else json.dumps(settings)))
    return await caller.form(f"/api/v1/tools/{tool}", *parts)


async def made(caller: SnapOtter, tool: str, pictures: list[bytes], **settings: object) -> Image.Image:
    reply = await call(caller, tool, pictures, NEEDED[tool] | settings)
    assert reply.status_code == 200, reply.text
    return opened(await caller.download(reply.json()["downloadUrl"]))


def refused(reply: httpx.Response, status: int = 400) -> tuple[str, str]:
    assert reply.status_code == status, reply.text
    return reply.json()["error"], str(reply.json().get("details", ""))


def colour_at(picture: Image.Image, left: int, top: int) -> tuple[int, ...]:
    found = picture.convert("RGBA").getpixel((left, top))
    assert isinstance(found, tuple)
    return found


# Both


@pytest.mark.parametrize("tool", NEEDED)
async def test_the_reply(admin: SnapOtter, tool: str) -> None:
    pictures = [flat(RED), flat(GREEN, format_="JPEG")]
    body = (await call(admin, tool, pictures, NEEDED[tool])).json()
    assert set(body) == {"jobId", "downloadUrl", "originalSize", "processedSize"}
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/{tool}.png"
    assert body["originalSize"] == sum(map(len, pictures))
    assert body["processedSize"] == len(await admin.download(body["downloadUrl"]))


@pytest.mark.parametrize(("tool", "format_"), [(tool, format_) for tool in NEEDED for format_ in FORMATS])
async def test_formats(admin: SnapOtter, tool: str, format_: str) -> None:
    settings = NEEDED[tool] | {"format" if tool == "stitch" else "outputFormat": format_, "quality": 40}
    reply = await call(admin, tool, [flat(RED), flat(GREEN)], settings)
    extension = "jpg" if (tool, format_) == ("collage", "jpeg") else format_
    assert reply.json()["downloadUrl"].endswith(f"/{tool}.{extension}")
    assert "previewUrl" not in reply.json()
    assert opened(await admin.download(reply.json()["downloadUrl"])).format == FORMATS[format_]


@pytest.mark.parametrize("tool", NEEDED)
async def test_quality(admin: SnapOtter, tool: str) -> None:
    noise = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)), "PNG")
    sizes = []
    for quality in (10, 95):
        key = "format" if tool == "stitch" else "outputFormat"
        sizes.append((await call(admin, tool, [noise, noise], NEEDED[tool] | {key: "jpeg", "quality": quality})).json()["processedSize"])
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("tool", NEEDED)
async def test_a_result_called_as_an_input(admin: SnapOtter, tool: str) -> None:
    reply = await call(admin, tool, [flat(RED), flat(GREEN)], NEEDED[tool], [f"{tool}.png", "other.png"])
    assert reply.json()["downloadUrl"].endswith(f"/{tool}.png")
    assert opened(await admin.download(reply.json()["downloadUrl"])).size != (40, 30)
    job = reply.json()["jobId"]
    assert opened(await admin.download(f"/api/v1/download/{job}/other.png")).size == (40, 30)


@pytest.mark.parametrize("tool", NEEDED)
async def test_too_few(admin: SnapOtter, tool: str) -> None:
    assert refused(await call(admin, tool, [], "no JSON"))[0] == TOO_FEW[tool]
    assert refused(await call(admin, tool, [b"", b""], "no JSON"))[0] == TOO_FEW[tool]


@pytest.mark.parametrize("tool", NEEDED)
@pytest.mark.parametrize(
    ("bad", "reason"),
    [(b"no picture", "Unrecognized image format"), (bytes(50), "File contains no image data"), (b"%PDF-1.7", "Unsupported format: pdf")],
)
async def test_a_bad_file_is_named_before_settings_are_read(admin: SnapOtter, tool: str, bad: bytes, reason: str) -> None:
    reply = await call(admin, tool, [flat(RED), flat(RED), bad], "no JSON", ["a.png", "b.png", "c.png"])
    assert refused(reply)[0] == f'Invalid file "c.png": {reason}'


@pytest.mark.parametrize("tool", NEEDED)
async def test_a_file_without_a_readable_header_is_named(admin: SnapOtter, tool: str) -> None:
    reply = await call(admin, tool, [flat(RED), b"\x89PNG\r\n\x1a\n" + bytes(60)], NEEDED[tool], ["a.png", "b.png"])
    assert refused(reply)[0].startswith('Invalid file "b.png": ')


@pytest.mark.parametrize("tool", NEEDED)
async def test_half_a_picture_is_no_server_error(admin: SnapOtter, tool: str) -> None:
    noise = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)), "PNG")
    reply = await call(admin, tool, [flat(RED), noise[: len(noise) // 2]], NEEDED[tool])
    assert reply.status_code in (200, 400, 422), reply.text
    assert reply.json().get("error") or reply.status_code == 200


@pytest.mark.parametrize(
    ("tool", "settings", "path"),
    [
        ("stitch", {"direction": "diagonal"}, "direction"),
        ("stitch", {"gridColumns": 1}, "gridColumns"),
        ("stitch", {"gridColumns": 2.5}, "gridColumns"),
        ("stitch", {"gridColumns": 101}, "gridColumns"),
        ("stitch", {"resizeMode": "fill"}, "resizeMode"),
        ("stitch", {"alignment": "left"}, "alignment"),
        ("stitch", {"gap": 1001}, "gap"),
        ("stitch", {"gap": "5"}, "gap"),
        ("stitch", {"gap": None}, "gap"),
        ("stitch", {"border": 501}, "border"),
        ("stitch", {"cornerRadius": -1}, "cornerRadius"),
        ("stitch", {"backgroundColor": "transparent"}, "backgroundColor"),
        ("stitch", {"format": "jpg"}, "format"),
        ("stitch", {"quality": 0}, "quality"),
        ("collage", {"templateId": 5}, "templateId"),
        ("collage", {"cells": {}}, "cells"),
        ("collage", {"cells": [{}]}, "imageIndex"),
        ("collage", {"cells": [{"imageIndex": -1}]}, "imageIndex"),
        ("collage", {"cells": [{"imageIndex": 0, "panX": 101}]}, "panX"),
        ("collage", {"cells": [{"imageIndex": 0, "zoom": 0.5}]}, "zoom"),
        ("collage", {"cells": [{"imageIndex": 0, "zoom": 11}]}, "zoom"),
        ("collage", {"cells": [{"imageIndex": 0, "objectFit": "fill"}]}, "objectFit"),
        ("collage", {"gap": 501}, "gap"),
        ("collage", {"cornerRadius": 501}, "cornerRadius"),
        ("collage", {"backgroundColor": "white"}, "backgroundColor"),
        ("collage", {"aspectRatio": 1}, "aspectRatio"),
        ("collage", {"outputFormat": "gif"}, "outputFormat"),
        ("collage", {"quality": 101}, "quality"),
    ],
)
async def test_settings_are_checked(admin: SnapOtter, tool: str, settings: dict[str, object], path: str) -> None:
    error, details = refused(await call(admin, tool, [flat(RED), flat(GREEN)], NEEDED[tool] | settings))
    assert error == "Invalid settings"
    assert path in details


@pytest.mark.parametrize("tool", NEEDED)
async def test_settings_must_be_an_object(admin: SnapOtter, tool: str) -> None:
    assert "JSON" in refused(await call(admin, tool, [flat(RED), flat(GREEN)], "{"))[0]
    assert refused(await call(admin, tool, [flat(RED), flat(GREEN)], "[]"))[0] == "Invalid settings"


@pytest.mark.parametrize("tool", NEEDED)
async def test_one_pixel(admin: SnapOtter, tool: str) -> None:
    assert (await made(admin, tool, [flat(RED, 1, 1), flat(GREEN, 1, 1)])).size == ((2, 1) if tool == "stitch" else (2400, 1800))


# stitch


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, (20 + 40 + 27, 20)),
        ({"gap": 7, "border": 5}, (87 + 14 + 10, 30)),
        ({"direction": "vertical"}, (30, 30 + 15 + 23)),
        ({"direction": "vertical", "gap": 3, "border": 4}, (38, 68 + 6 + 8)),
        ({"resizeMode": "original"}, (30 + 40 + 40, 30)),
        ({"resizeMode": "stretch"}, (110, 20)),
        ({"resizeMode": "crop"}, (110, 20)),
        ({"direction": "grid"}, (40 * 2, 60)),
        ({"direction": "grid", "resizeMode": "original", "gap": 5, "border": 2}, (80 + 5 + 4, 60 + 5 + 4)),
        ({"direction": "grid", "resizeMode": "stretch", "gridColumns": 9}, (40 * 3, 30)),
        ({"direction": "grid", "resizeMode": "crop"}, (80, 60)),
    ],
)
async def test_sizes(admin: SnapOtter, settings: dict[str, object], size: tuple[int, int]) -> None:
    assert (await made(admin, "stitch", [flat(RED, 30, 30), flat(GREEN, 40, 20), flat(BLUE, 40, 30)], **settings)).size == size


async def test_order_and_background(admin: SnapOtter) -> None:
    picture = await made(admin, "stitch", [flat(RED), flat(GREEN), flat(BLUE)], gap=10, border=4, backgroundColor="#123456")
    assert [colour_at(picture, 4 + 20 + 50 * number, 15)[:3] for number in range(3)] == [RED, GREEN, BLUE]
    assert {colour_at(picture, *place) for place in ((0, 0), (48, 20), (picture.width - 1, picture.height - 1))} == {
        (0x12, 0x34, 0x56, 255)
    }


@pytest.mark.thorough
@pytest.mark.parametrize(("alignment", "top"), [("start", 0), ("center", 20), ("end", 40)])
async def test_alignment(admin: SnapOtter, alignment: str, top: int) -> None:
    picture = await made(admin, "stitch", [flat(RED, 10, 60), flat(GREEN, 10, 20)], resizeMode="original", alignment=alignment)
    rows = [row for row in range(60) if colour_at(picture, 15, row)[:3] == GREEN]
    assert (rows[0], rows[-1]) == (top, top + 19)


async def test_round_corners(admin: SnapOtter) -> None:
    picture = await made(admin, "stitch", [flat(RED), flat(GREEN)], cornerRadius=10)
    assert colour_at(picture, 0, 0) == (255, 255, 255, 255)
    assert colour_at(picture, 20, 0)[:3] == RED


async def test_what_is_transparent_shows_the_background(admin: SnapOtter) -> None:
    picture = await made(admin, "stitch", [flat((255, 0, 0, 0)), flat((0, 0, 255, 128))], backgroundColor="#00ff00")
    assert colour_at(picture, 5, 5) == (0, 255, 0, 255)
    assert colour_at(picture, 45, 5) == (0, 127, 128, 255)


async def test_a_canvas_that_is_too_large(admin: SnapOtter) -> None:
    pictures = [flat(RED, 6000, 3000), flat(GREEN, 3000, 6000)] * 8
    reply = await call(admin, "stitch", pictures, {"direction": "grid", "gridColumns": 4, "resizeMode": "original"})
    assert refused(reply, 422)[0].startswith("Canvas too large: 24000x24000")


# collage


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        (None, (2400, 1800)),
        ("free", (2400, 1800)),
        ("1:1", (2400, 2400)),
        ("4:3", (2400, 1800)),
        ("3:2", (2400, 1600)),
        ("16:9", (2400, 1350)),
        ("9:16", (1350, 2400)),
        ("4:5", (1920, 2400)),
        ("golden", (2400, 1800)),
    ],
)
async def test_aspect_ratios(admin: SnapOtter, ratio: str | None, size: tuple[int, int]) -> None:
    assert (await made(admin, "collage", [flat(RED)], **({} if ratio is None else {"aspectRatio": ratio}))).size == size


TEMPLATES = {
    "2-h-equal": 2, "2-v-equal": 2, "2-h-left-large": 2, "2-h-right-large": 2, "3-left-large": 3, "3-right-large": 3, "3-top-large": 3,
    "3-h-equal": 3, "3-v-equal": 3, "4-grid": 4, "4-left-large": 4, "4-top-large": 4, "4-bottom-large": 4, "5-top2-bottom3": 5,
    "5-top3-bottom2": 5, "5-left-large": 5, "5-center-large": 5, "6-grid-2x3": 6, "6-grid-3x2": 6, "6-top-large": 6, "7-mosaic": 7,
    "8-mosaic": 8, "9-grid": 9,
}  # fmt: skip


@pytest.mark.cases(1)
@pytest.mark.parametrize("template", TEMPLATES)
async def test_templates(admin: SnapOtter, template: str) -> None:
    colours = [(20 * number, 255 - 20 * number, 90) for number in range(1, 11)]
    picture = np.asarray(
        (await made(admin, "collage", [flat(each) for each in colours], templateId=template, gap=100, backgroundColor="#ff00ff")).convert(
            "RGB"
        )
    )
    seen = [bool((picture == colour).all(axis=2).any()) for colour in colours]
    # Extra pictures are left out.
    assert seen == [True] * TEMPLATES[template] + [False] * (10 - TEMPLATES[template])
    assert (picture[:100] == (255, 0, 255)).all()
    assert (picture[:, -100:] == (255, 0, 255)).all()


async def test_cells_of_a_template(admin: SnapOtter) -> None:
    picture = await made(admin, "collage", [flat(RED), flat(GREEN), flat(BLUE)], templateId="3-left-large", gap=30)
    # Columns of (2400 - 90) in thirds, rows of (1800 - 90) in halves.
    for colour, (left, top, right, bottom) in {
        RED: (30, 30, 1569, 1769),
        GREEN: (1600, 30, 2369, 884),
        BLUE: (1600, 915, 2369, 1769),
    }.items():
        assert {colour_at(picture, *corner)[:3] for corner in ((left, top), (right, bottom))} == {colour}
        assert colour_at(picture, left - 1, top)[:3] == colour_at(picture, right + 1, bottom)[:3] == (255, 255, 255)
        assert colour_at(picture, left, top - 1)[:3] == colour_at(picture, right, bottom + 1)[:3] == (255, 255, 255)


async def test_missing_pictures_leave_the_background(admin: SnapOtter) -> None:
    picture = await made(admin, "collage", [flat(RED)], backgroundColor="transparent")
    assert colour_at(picture, 600, 900) == (255, 0, 0, 255)
    assert colour_at(picture, 1800, 900)[3] == 0


async def test_a_jpeg_has_no_transparency(admin: SnapOtter) -> None:
    picture = await made(admin, "collage", [flat(RED)], backgroundColor="transparent", outputFormat="jpeg")
    assert colour_at(picture, 1800, 900) == (255, 255, 255, 255)


async def test_cells_choose_their_pictures(admin: SnapOtter) -> None:
    cells = [{"imageIndex": 1}, {"imageIndex": 7}]
    picture = await made(admin, "collage", [flat(RED), flat(GREEN)], cells=cells)
    assert colour_at(picture, 600, 900)[:3] == GREEN
    assert colour_at(picture, 1800, 900)[:3] == (255, 255, 255)


def halves() -> bytes:
    picture = Image.new("RGB", (100, 50), RED)
    picture.paste(BLUE, (50, 0, 100, 50))
    return encoded(picture, "PNG")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("cell", "left", "right"),
    [
        ({}, RED, BLUE),
        ({"panX": -100}, RED, RED),
        ({"panX": 100}, BLUE, BLUE),
        ({"panX": 100, "zoom": 4}, BLUE, BLUE),
        ({"zoom": 4}, RED, BLUE),
        ({"objectFit": "contain"}, RED, BLUE),
    ],
)
async def test_pan_and_zoom(admin: SnapOtter, cell: dict[str, object], left: tuple[int, ...], right: tuple[int, ...]) -> None:
    picture = await made(admin, "collage", [halves()], cells=[{"imageIndex": 0} | cell], gap=0)
    # The first cell is 1200 × 1800.
    assert colour_at(picture, 100, 900)[:3] == left
    assert colour_at(picture, 1100, 900)[:3] == right
    assert (colour_at(picture, 600, 100)[:3] == (255, 255, 255)) == ("objectFit" in cell)


@pytest.mark.thorough
async def test_round_corners_of_cells(admin: SnapOtter) -> None:
    picture = await made(admin, "collage", [flat(RED), flat(GREEN)], cornerRadius=50, gap=0, backgroundColor="transparent")
    assert colour_at(picture, 0, 0)[3] == colour_at(picture, 1199, 0)[3] == 0
    assert colour_at(picture, 600, 0) == (255, 0, 0, 255)


async def test_a_template_is_needed(admin: SnapOtter) -> None:
    assert refused(await call(admin, "collage", [flat(RED)], {}))[0] == "Invalid settings"
    assert refused(await call(admin, "collage", [flat(RED)]))[0] == "Invalid settings"


@pytest.mark.parametrize("template", ["", "10-grid", "2_h_equal", "<b>\0", "x" * 10_000])
async def test_unknown_templates(admin: SnapOtter, template: str) -> None:
    assert refused(await call(admin, "collage", [flat(RED)], {"templateId": template}))[0].startswith("Unknown template: ")


async def test_spelling_of_the_published_page(admin: SnapOtter) -> None:
    reply = await call(admin, "collage", [flat(RED)], {"template": "2-v-equal", "borderRadius": 80, "gap": 0})
    picture = opened(await admin.download(reply.json()["downloadUrl"]))
    assert colour_at(picture, 0, 0)[:3] == (255, 255, 255)
    assert colour_at(picture, 2300, 100)[:3] == RED


async def test_a_gap_without_room(admin: SnapOtter) -> None:
    reply = await call(admin, "collage", [flat(RED)], {"templateId": "9-grid", "gap": 500})
    error, details = refused(reply, 422)
    assert error == "Collage creation failed"
    assert "gap" in details
