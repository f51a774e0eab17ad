"""Pictures made by tests, and looks at pictures that came back."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

Array = np.ndarray[Any, np.dtype[np.uint8]]


def opened(content: bytes) -> Image.Image:
    """A decoded picture."""
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def pixels(content: bytes) -> Array:
    """Decoded pixels, height × width × channels."""
    return np.asarray(opened(content))


def encoded(picture: Image.Image, format_: str, **options: Any) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def disc(width: int = 320, height: int = 240) -> Image.Image:
    """A red disc on a blue ground: what tiny and real models alike cut out."""
    rows, columns = np.mgrid[:height, :width]
    inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (min(width, height) / 3) ** 2
    return Image.fromarray(np.where(inside[..., None], (210, 40, 30), (30, 60, 150)).astype(np.uint8))


def heic(picture: Image.Image) -> bytes:
    """The picture as HEIC."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=90)
    return buffer.getvalue()


def sideways_jpeg(picture: Image.Image) -> bytes:
    """The picture stored lying on its side, with the orientation tag that sets it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)


def profiled_jpeg(picture: Image.Image) -> bytes:
    """The picture with an embedded colour profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(picture, "JPEG", icc_profile=profile, quality=95)


@cache
def bomb_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of some kilobytes that would decode to 900 megapixels."""
    row = zlib.compressobj(9)
    data = b"".join(row.compress(bytes(1 + width // 8)) for _ in range(height)) + row.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
