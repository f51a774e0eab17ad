"""What SnapOtter's tools are sent: pictures of every format, and files that are broken, huge or no picture at all (sections 4 and 9 of its
contract), through the public port."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.system.pictures import bomb_png, disc, encoded
from tests.system.snapotter import Part, SnapOtter
from tests.unit.imaging.test_decode import FILES

PICTURES: Mapping[str, Callable[[], bytes]] = {str(format_): make for format_, make in FILES.items()}
GOOD = encoded(disc(160, 120), "PNG")
TOOLS: Mapping[str, Mapping[str, Any]] = {
    "barcode-read": {},
    "collage": {"templateId": "2-h-equal"},
    "color-palette": {},
    "compare": {},
    "compose": {},
    "content-aware-resize": {"width": 120},
    "edit-metadata": {"artist": "Somebody"},
    "edit-metadata/inspect": {},
    "favicon": {},
    "find-duplicates": {},
    "gif-tools": {"mode": "resize", "width": 80},
    "gif-tools/info": {},
    "image-enhancement": {},
    "image-enhancement/analyze": {},
    "image-to-base64": {},
    "image-to-pdf": {},
    "smart-crop": {"width": 60, "height": 60},
    "split": {"columns": 2, "rows": 2},
    "stitch": {},
    "vectorize": {},
    "watermark-image": {},
}
BESIDE = {
    "collage": "file",
    "compare": "file",
    "find-duplicates": "file",
    "stitch": "file",
    "compose": "overlay",
    "watermark-image": "watermark",
}
"""The parts with a second picture, which is a good one."""
FORMATS = ("heic", "svg", "bmp", "jxl", "ico", "psd", "exr", "hdr", "tga", "dng")
"""Those that browsers do not show. What they do show is in the tests of each tool."""
WRITES_NONE_OF = {"edit-metadata": FORMATS[1:]}
"""Formats in which a tool cannot write what it should."""


def _png_of(width: int, height: int) -> bytes:
    """A header without samples."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


HOSTILE: Mapping[str, bytes] = {
    "half.png": GOOD[: len(GOOD) // 2],
    "half.jpg": (jpeg := encoded(disc(160, 120), "JPEG"))[: len(jpeg) // 2],
    "widest.png": encoded(Image.new("RGB", (65_535, 1)), "PNG"),
    "tallest.png": encoded(Image.new("RGB", (1, 65_535)), "PNG"),
    "no-width.png": _png_of(0, 100),
    "headers-bomb.png": _png_of(60_000, 60_000),
    "bomb.png": bomb_png(),
    "nuls.png": bytes(500),
    "text.png": b"no picture at all",
    "begins.jpg": b"\xff\xd8\xff\xe0" + bytes(200),
}


async def call(caller: SnapOtter, tool: str, content: bytes, name: str) -> httpx.Response:
    parts: list[Part] = [("file", content, name)]
    if tool in BESIDE:
        parts.append((BESIDE[tool], GOOD, "good.png"))
    return await caller.form(f"/api/v1/tools/{tool}", *parts, ("settings", json.dumps(TOOLS[tool])))


@pytest.mark.cases(1)
@pytest.mark.parametrize("tool", TOOLS)
async def test_every_format_is_taken(admin: SnapOtter, tool: str) -> None:
    for format_ in FORMATS:
        reply = await call(admin, tool, PICTURES[format_](), f"photo.{format_}")
        if format_ in WRITES_NONE_OF.get(tool, ()):
            assert reply.status_code in (400, 422), (format_, reply.text)
            assert reply.json()["error"]
        else:
            assert reply.status_code == 200, (format_, reply.text)


@pytest.mark.parametrize("tool", TOOLS)
async def test_what_is_hostile_is_no_servers_error(admin: SnapOtter, tool: str) -> None:
    replies = await asyncio.gather(*(call(admin, tool, content, name) for name, content in HOSTILE.items()))
    for name, reply in zip(HOSTILE, replies, strict=True):
        assert reply.status_code in (200, 400, 422), (name, reply.status_code, reply.text)
        if reply.status_code != 200:
            assert reply.json()["error"], name
    assert (await call(admin, tool, GOOD, "good.png")).status_code == 200


async def test_what_only_its_name_tells_is_no_picture_under_another(admin: SnapOtter) -> None:
    reply = await call(admin, "color-palette", PICTURES["tga"](), "photo.dat")
    assert reply.status_code in (400, 422), reply.text
