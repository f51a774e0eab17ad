"""Real files of every kind, made by the libraries that people use."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pikepdf
import pillow_heif
from PIL import Image

WIDTH, HEIGHT = 97, 61


def picture(mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT), seed: int = 1) -> Image.Image:
    """Noise over a gradient, so that no encoder makes it tiny."""
    generator = np.random.default_rng(seed)
    rgba = generator.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    image = Image.fromarray(rgba)
    return image.convert(mode) if "A" in mode else image.convert("RGB").convert(mode)


def encoded(form: str, mode: str = "RGB", frames: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT), **options: Any) -> bytes:
    """A picture as Pillow writes it."""
    pictures = [picture(mode, size, seed) for seed in range(frames)]
    if frames > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    buffer = io.BytesIO()
    pictures[0].save(buffer, form, **options)
    return buffer.getvalue()


def heic(mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """A picture as libheif writes it."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture(mode, size)).save(buffer, quality=60)
    return buffer.getvalue()


def cut_out_gif() -> bytes:
    """A GIF whose left half is transparent."""
    image = picture("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, WIDTH // 2, HEIGHT))
    buffer = io.BytesIO()
    image.save(buffer, "GIF")
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A whole PNG of one bit a pixel, all zero: over 100 MB of rows in a few kilobytes when compressed twice as hard."""
    compressor = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(compressor.compress(row * 1000) for _ in range(height // 1000)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pdf(pages: int = 3, encryption: pikepdf.Encryption | None = None, **options: Any) -> bytes:
    """A document of empty pages."""
    document = pikepdf.new()
    for _ in range(pages):
        document.add_blank_page(page_size=(200, 100))
    buffer = io.BytesIO()
    document.save(buffer, encryption=encryption or False, **options)
    return buffer.getvalue()
