"""Files of several frames or pages."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw

TIMES = [50, 120, 400]
"""Milliseconds of each frame."""
SIZE = (60, 40)
_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


def _frames(mode: str = "RGBA") -> list[Image.Image]:
    frames = []
    for number, colour in enumerate(_COLOURS[:3]):
        frame = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        ImageDraw.Draw(frame).rectangle((20 * number, 5, 20 * number + 15, 30), fill=colour)
        frames.append(frame.convert(mode))
    return frames


def _written(format_: str, mode: str = "RGBA", **options: Any) -> bytes:
    first, *others = _frames(mode)
    file = io.BytesIO()
    first.save(file, format_, save_all=True, append_images=others, **options)
    return file.getvalue()


def _heic() -> bytes:
    file = io.BytesIO()
    first, *others = _frames("RGB")
    several = pillow_heif.from_pillow(first)
    for other in others:
        several.add_from_pillow(other)
    several.save(file, quality=90)
    return file.getvalue()


def turned_webp(orientation: int, loop: int = 1) -> bytes:
    """Frames that are stored turned, as phones write them."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _written("WEBP", duration=TIMES, loop=loop, lossless=True, exif=exif.tobytes())


IN_PARTS: Mapping[str, Callable[[], bytes]] = {
    "frames.png": lambda: _written("PNG", duration=TIMES),
    "frames.gif": lambda: _written("GIF", duration=TIMES, loop=0, disposal=2),
    "frames.webp": lambda: _written("WEBP", duration=TIMES, loop=3, lossless=True),
    "frames.avif": lambda: _written("AVIF", "RGB", duration=TIMES),
    "pictures.heic": _heic,
    "pages.tif": lambda: _written("TIFF", "RGB", compression="tiff_lzw"),
}
"""Three frames, pages or pictures each, by the names of the files."""


def gif(size: tuple[int, int], *frames: tuple[tuple[int, int, int, int], int, int, int], loop: int | None = None) -> bytes:
    """A GIF without a transparent colour. Each frame has its place (left, top, width, height), its colour's number, 0 to 3, its time in
    hundredths of a second and its disposal. `loop` is as in Netscape's extension, without which a GIF plays once."""
    data = b"GIF89a" + struct.pack("<HHBBB", *size, 0xF1, 0, 0) + b"".join(map(bytes, _COLOURS))
    if loop is not None:
        data += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\x00"
    for place, colour, hundredths, disposal in frames:
        data += b"\x21\xf9\x04" + struct.pack("<BHB", disposal << 2, hundredths, 0) + b"\x00"
        data += b"\x2c" + struct.pack("<4HB", *place, 0) + _one_colour(colour, place[2] * place[3])
    return data + b";"


def _one_colour(colour: int, pixels: int) -> bytes:
    """Compressed samples of the same colour: the table of codes is cleared before each two of them, so that all codes have three bits."""
    clear, end = 4, 5
    codes: Sequence[int] = [code for number in range(pixels) for code in ((colour,) if number % 2 else (clear, colour))]
    bits = sum(code << 3 * number for number, code in enumerate([*codes, end]))
    packed = bits.to_bytes((3 * (len(codes) + 1) + 7) // 8, "little")
    pieces = [packed[start : start + 255] for start in range(0, len(packed), 255)]
    return b"\x02" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\x00"
