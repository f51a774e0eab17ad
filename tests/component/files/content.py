"""Small files with content of every sort that uploads have."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from pypdf import PdfWriter

TEXT = b"This is no picture.\n" * 20


def png(width: int = 40, height: int = 30, padding: int = 0) -> bytes:
    """A PNG, made longer by `padding` bytes of ancillary data."""
    target = io.BytesIO()
    Image.new("RGB", (width, height), (200, 40, 90)).save(target, "PNG")
    data = target.getvalue()
    if not padding:
        return data
    end = data.rindex(b"IEND") - 4
    return data[:end] + _chunk(b"prIv", (bytes(range(251)) * (padding // 251 + 1))[:padding]) + data[end:]


def jpeg(width: int = 64, height: int = 48) -> bytes:
    """A JPEG."""
    target = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(target, "JPEG", quality=90)
    return target.getvalue()


def encoded(form: str) -> bytes:
    """A picture as Pillow writes it in a format."""
    target = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 40, 90)).save(target, form)
    return target.getvalue()


def bomb() -> bytes:
    """A PNG of some hundred bytes that claims 30,000 × 30,000 pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(90_000))) + _chunk(b"IEND", b"")


def pdf(pages: int = 2, password: str | None = None) -> bytes:
    """A PDF of empty pages; with a password, one that does not open without it."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password is not None:
        writer.encrypt(password, algorithm="AES-256")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
