"""The metadata of WebP files."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from services.inference.media.errors import damaged_error
from services.inference.tagging.blocks import Blocks

_HEADER, _EXIF, _XMP, _CREDENTIALS = b"VP8X", b"EXIF", b"XMP ", b"C2PA"
_EXIF_FLAG, _XMP_FLAG, _ALPHA_FLAG = 0x08, 0x04, 0x10
_LOSSLESS, _LOSSY = b"VP8L", b"VP8 "


def read(data: bytes) -> Blocks:
    """The file's metadata. Raises `FILE_CORRUPT`."""
    found = {kind: content for kind, content, _ in chunks(data) if kind in (_EXIF, _XMP)}
    exif = found.get(_EXIF)
    return Blocks(exif.removeprefix(b"Exif\0\0") if exif else None, None, found.get(_XMP))


def write(data: bytes, _before: Blocks, after: Blocks) -> bytes:
    """The file with what is different after, without content credentials. Raises as `read`."""
    pieces: list[bytes] = []
    header = b""
    for kind, content, raw in chunks(data):
        if kind == _HEADER:
            header = content
        elif kind not in (_EXIF, _XMP, _CREDENTIALS):
            pieces.append(raw)
            if not header and kind in (_LOSSLESS, _LOSSY):
                header = header_of(kind, content)
    if len(header) < 10:
        raise damaged_error("WebP")
    flags = header[0] & ~(_EXIF_FLAG | _XMP_FLAG)
    for kind, flag, block in ((_EXIF, _EXIF_FLAG, after.exif), (_XMP, _XMP_FLAG, after.xmp)):
        if block is not None:
            flags |= flag
            pieces.append(chunk(kind, block))
    body = b"WEBP" + chunk(_HEADER, bytes((flags,)) + header[1:]) + b"".join(pieces)
    (size,) = struct.unpack_from("<I", data, 4)
    return b"RIFF" + struct.pack("<I", len(body)) + body + data[8 + size + size % 2 :]


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content, and the whole of each chunk. Raises `FILE_CORRUPT`."""
    (size,) = struct.unpack_from("<I", data, 4)
    at, end = 12, min(8 + size, len(data))
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        after = at + 8 + length
        if after > end:
            raise damaged_error("WebP")
        yield kind, data[at + 8 : after], data[at:after] + bytes(length % 2)
        at = after + length % 2


def chunk(kind: bytes, content: bytes) -> bytes:
    """The whole of a chunk."""
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def header_of(kind: bytes, content: bytes) -> bytes:
    """The header that a plain file has no need of."""
    if len(content) < 10:
        raise damaged_error("WebP")
    flags = 0
    if kind == _LOSSLESS:
        (bits,) = struct.unpack_from("<I", content, 1)
        width, height = bits & 0x3FFF, bits >> 14 & 0x3FFF
        flags = _ALPHA_FLAG if bits >> 28 & 1 else 0
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 6))
        width, height = width - 1, height - 1
    return struct.pack("<B3xI", flags, width)[:7] + struct.pack("<I", height)[:3]
