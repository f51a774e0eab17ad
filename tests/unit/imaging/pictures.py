"""Pictures and files for the imaging tests: the sample photo, and files written by libraries other than the code under test."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pillow_heif
import pyvips
from PIL import Image as PillowImage

PORTRAIT = Path(__file__).resolve().parents[3] / "samples" / "portrait.jpg"

Pixels8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def photo(height: int = 120, width: int = 160) -> Pixels8:
    """The face of the astronaut, at most 300 x 400."""
    return _portrait()[20 : 20 + height, 100 : 100 + width].copy()


@cache
def _portrait() -> Pixels8:
    with PillowImage.open(PORTRAIT) as portrait:
        return np.asarray(portrait)


def deep_photo(height: int = 120, width: int = 160) -> npt.NDArray[np.uint16]:
    """The same with 16 bits a sample, the lower ones in use."""
    ramp = np.arange(width, dtype=np.uint16)[None, :, None]
    return photo(height, width).astype(np.uint16) * np.uint16(256) + ramp


def written(pixels: npt.NDArray[Any] | PillowImage.Image, format_: str, **options: Any) -> bytes:
    """A file by Pillow."""
    picture = pixels if isinstance(pixels, PillowImage.Image) else PillowImage.fromarray(pixels)
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def heic(pixels: Pixels8, **options: Any) -> bytes:
    """A lossless 8-bit HEIC file."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(PillowImage.fromarray(pixels)).save(buffer, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return buffer.getvalue()


def wide_gamut_profile() -> bytes:
    """The Display P3 profile that libvips carries."""
    return bytes(pyvips.Image.profile_load("p3"))


def gray_profile(gamma: float = 1.0) -> bytes:
    """The profile of a gray display with a pure power curve."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def one_way_profile() -> bytes:
    """The profile of a scanner: a table from its RGB to Lab, and none back."""
    corners = [
        (0, 128, 128),
        (82, 207, 20),
        (224, 50, 50),
        (232, 80, 36),
        (136, 208, 195),
        (154, 222, 67),
        (247, 119, 222),
        (255, 128, 128),
    ]
    order = [corners[i] for i in (0, 1, 2, 6, 3, 4, 5, 7)]
    identity = struct.pack(">9i", *(0x10000 if i % 4 == 0 else 0 for i in range(9)))
    straight = bytes(range(256)) * 3
    table = b"mft1\0\0\0\0" + bytes([3, 3, 2, 0]) + identity + straight + b"".join(bytes(lab) for lab in order) + straight
    return profile(b"scnr", b"RGB ", b"Lab ", {b"A2B0": table})


def profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2 ICC profile with the given tags and those that every profile needs."""
    white = struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78), b"wtpt": b"XYZ \0\0\0\0" + white} | tags
    table, body, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, kind, space, connection) + bytes(12) + b"acsp" + bytes(28) + white
    return header.ljust(128, b"\0") + table + body


def exif(orientation: int, *, thumbnail: bytes = b"") -> bytes:
    """An EXIF block with a maker, an orientation and, if given, a JPEG thumbnail."""
    maker = b"Darkroom\x00"
    first = 8
    after_first = first + 2 + 2 * 12 + 4
    second = after_first + len(maker)
    block = b"II*\x00" + struct.pack("<I", first)
    block += struct.pack("<H", 2)
    block += struct.pack("<HHII", 0x010F, 2, len(maker), after_first)
    block += struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    block += struct.pack("<I", second if thumbnail else 0) + maker
    if thumbnail:
        content = second + 2 + 3 * 12 + 4
        block += struct.pack("<H", 3) + struct.pack("<HHIHH", 0x0103, 3, 1, 6, 0)
        block += struct.pack("<HHII", 0x0201, 4, 1, content) + struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail))
        block += struct.pack("<I", 0) + thumbnail
    return b"Exif\x00\x00" + block


def png_bomb(side: int) -> bytes:
    """A valid 1-bit PNG of side x side black pixels in a few kB."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packer = zlib.compressobj(9)
    row = bytes(1 + -(-side // 8))
    content = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def hair(height: int, width: int) -> Floats:
    """An alpha of a head with thin, antialiased strands around it, 0 to 1."""
    generator = np.random.default_rng(7)
    fine = 4
    mask = np.zeros((height * fine, width * fine), np.uint8)
    centre, axes = (width * fine // 2, height * fine * 3 // 4), (width * fine // 4, height * fine // 3)
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    for _ in range(150):
        angle = generator.uniform(np.pi, 2 * np.pi)
        x, y = centre[0] + np.cos(angle) * axes[0], centre[1] + np.sin(angle) * axes[1]
        points = []
        for _ in range(40):
            points.append((x, y))
            x, y = x + np.cos(angle) * height * fine / 200, y + np.sin(angle) * height * fine / 200
            angle += generator.normal(0, 0.08)
        cv2.polylines(mask, [np.array(points, np.int32)], False, 255, int(generator.integers(3, 8)), cv2.LINE_AA)
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def blob(height: int, width: int) -> Floats:
    """A smooth closed shape with lobes, antialiased, 0 to 1."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = (y - height / 2) / height, (x - width / 2) / width
    radius = 0.33 + 0.05 * np.sin(5 * np.arctan2(y, x))
    return np.asarray(((radius - np.hypot(x, y)) * min(height, width)).clip(0, 1), np.float32)


def brown(height: int, width: int) -> Floats:
    """A softly varying hair-coloured foreground, 0 to 1."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = 0.08 * np.sin(x / 7) + 0.05 * np.sin(y / 11)
    return np.clip(np.float32([0.35, 0.2, 0.1]) + waves[..., None], 0, 1).astype(np.float32)


def two_colours(height: int, width: int) -> Floats:
    """A background that is green on the left and near white on the right, 0 to 1."""
    left = np.arange(width)[None, :, None] < width / 2
    halves = np.where(left, np.float32([0.1, 0.8, 0.2]), np.float32([0.9, 0.9, 1.0]))
    return np.broadcast_to(halves, (height, width, 3)).astype(np.float32)


def blend(foreground: Floats, background: Floats, alpha: Floats) -> Pixels8:
    """Foreground over background, as a camera sees it."""
    mixed = foreground * alpha[..., None] + background * (1 - alpha[..., None])
    return np.round(mixed * 255).astype(np.uint8)


def border_effect_model(
    scale: int, *, window: int = 1, drift: int = 0, batches: list[int] | None = None
) -> Callable[[Pixels8], Awaitable[Pixels8]]:
    """A stand-in super-resolution model: a zero-padded box blur (dark tile borders), pixel repetition, a constant drift."""

    async def infer(tiles: Pixels8) -> Pixels8:
        if batches is not None:
            batches.append(tiles.shape[0])
        await asyncio.sleep(0)
        enlarged = []
        for tile in tiles:
            blurred = cv2.blur(tile.astype(np.float32), (window, window), borderType=cv2.BORDER_CONSTANT)
            enlarged.append(np.repeat(np.repeat(blurred, scale, axis=0), scale, axis=1) + drift)
        return np.round(np.stack(enlarged)).clip(0, 255).astype(np.uint8)

    return infer
