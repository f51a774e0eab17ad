"""PNG, TIFF and BMP files, byte by byte, with any of the traits that these formats have (W3C PNG, TIFF 6.0, Windows' bitmaps)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from tests.format_pairs.traits import Samples

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png(frames: Sequence[Samples], icc: bytes | None = None, exif: bytes | None = None) -> bytes:
    """A PNG; an APNG of several frames."""
    height, width, bands = frames[0].shape
    found = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, frames[0].dtype.itemsize * 8, _COLOUR_TYPES[bands], 0, 0, 0))]
    if icc is not None:
        found.append(_chunk(b"iCCP", b"profile\0\0" + zlib.compress(icc)))
    if exif is not None:
        found.append(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    number = 0
    if len(frames) > 1:
        found.append(_chunk(b"acTL", struct.pack(">II", len(frames), 0)))
    for at, frame in enumerate(frames):
        rows = np.ascontiguousarray(frame.astype(frame.dtype.newbyteorder(">"))).view(np.uint8).reshape(height, -1)
        packed = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
        if len(frames) > 1:
            found.append(_chunk(b"fcTL", struct.pack(">5I2H2B", number, width, height, 0, 0, 1, 10, 0, 0)))
            number += 1
        if at:
            packed = struct.pack(">I", number) + packed
            number += 1
        found.append(_chunk(b"fdAT" if at else b"IDAT", packed))
    return b"\x89PNG\r\n\x1a\n" + b"".join(found) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


_BYTE, _SHORT, _LONG, _UNDEFINED = 1, 3, 4, 7
_GRAY, _RGB, _INKS = 1, 2, 5


def tiff(pages: Sequence[Samples], *, alpha: bool = False, icc: bytes | None = None, orientation: int = 1, order: str = "<") -> bytes:
    """A TIFF without compression. Four bands without `alpha` are inks. Directories stand before the samples that they describe."""
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for number, page in enumerate(pages):
        out += _page(page, alpha, icc, orientation, order, len(out), last=number == len(pages) - 1)
    return out


def _page(page: Samples, alpha: bool, icc: bytes | None, orientation: int, order: str, at: int, *, last: bool) -> bytes:
    height, width, bands = page.shape
    colours = bands - alpha
    kind = {"u": 1, "i": 2, "f": 3}[page.dtype.kind]
    data = page.astype(page.dtype.newbyteorder(order)).tobytes()
    tags: list[tuple[int, int, list[int] | bytes]] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [page.dtype.itemsize * 8] * bands),
        (259, _SHORT, [1]),
        (262, _SHORT, [{1: _GRAY, 3: _RGB, 4: _INKS}[colours]]),
        (273, _LONG, [0]),
        (274, _SHORT, [orientation]),
        (277, _SHORT, [bands]),
        (278, _LONG, [height]),
        (279, _LONG, [len(data)]),
        (284, _SHORT, [1]),
    ]
    # The opacity is not multiplied into the colours.
    tags += [(338, _SHORT, [2])] if alpha else []
    tags += [(339, _SHORT, [kind] * bands)]
    tags += [(34675, _UNDEFINED, icc)] if icc is not None else []
    extra_at = at + 2 + 12 * len(tags) + 4
    values = [
        value if isinstance(value, bytes) else struct.pack(f"{order}{len(value)}{'I' if type_ == _LONG else 'H'}", *value)
        for _, type_, value in tags
    ]
    extra_bytes = sum(len(value) + len(value) % 2 for value in values if len(value) > 4)
    data_at = extra_at + extra_bytes
    entries, extra = b"", b""
    for (tag, type_, value), packed in zip(tags, values, strict=True):
        field = struct.pack(order + "I", data_at) if tag == 273 else packed.ljust(4, b"\0")
        if len(packed) > 4:
            field = struct.pack(order + "I", extra_at + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack(order + "HHI", tag, type_, len(value)) + field
    data += b"\0" * (len(data) % 2)
    following = 0 if last else data_at + len(data)
    return struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "I", following) + extra + data


_V5 = 124
_BITFIELDS = 3
_EMBEDDED, _SRGB = b"DEBM", b"BGRs"


def bmp(pixels: Samples, alpha: Samples | None, icc: bytes | None, *, top_down: bool) -> bytes:
    """A bitmap with a header of the fifth version: 32 bits a pixel, and the place of each of them."""
    height, width, _ = pixels.shape
    opacity = np.zeros((height, width), np.uint8) if alpha is None else alpha
    rows = np.dstack([pixels[..., ::-1], opacity])
    data = (rows if top_down else rows[::-1]).tobytes()
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000 if alpha is not None else 0)
    header = struct.pack("<IiiHHIIiiII", _V5, width, -height if top_down else height, 1, 32, _BITFIELDS, len(data), 2835, 2835, 0, 0)
    header += struct.pack("<4I", *masks) + (_EMBEDDED if icc is not None else _SRGB) + bytes(48)
    profile_at = _V5 + len(data) if icc is not None else 0
    header += struct.pack("<IIII", 4, profile_at, len(icc or b""), 0)
    assert len(header) == _V5
    size = 14 + _V5 + len(data) + len(icc or b"")
    return b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + _V5) + header + data + (icc or b"")
