"""The metadata of PNG files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from services.inference.media.errors import damaged_error
from services.inference.tagging import photoshop
from services.inference.tagging.blocks import Blocks

_EXIF, _TEXT, _XMP = b"eXIf", b"iTXt", b"XML:com.adobe.xmp"
_IPTC, _RAW_EXIF = b"Raw profile type iptc", b"Raw profile type exif"
"""ImageMagick's names, which other programs use too: the standard has no place for IPTC data."""
_PICTURE, _CREDENTIALS = b"IDAT", b"caBX"
_LARGEST = 16 << 20
"""Bytes of a text without its compression."""


def read(data: bytes) -> Blocks:
    """The file's metadata. Raises `FILE_CORRUPT`."""
    exif = old_exif = iptc = xmp = None
    for kind, content, _ in _chunks(data):
        if kind == _EXIF:
            exif = exif or content
        elif kind == _TEXT and content.startswith(_XMP + b"\0"):
            xmp = xmp or _international(content)
        elif _names(kind, content, _IPTC):
            iptc = iptc or photoshop_or_plain(_profile(kind, content))
        elif _names(kind, content, _RAW_EXIF):
            old_exif = old_exif or _profile(kind, content)
    if exif is None and old_exif is not None:
        exif = old_exif.removeprefix(b"Exif\0\0")
    return Blocks(exif, iptc, xmp)


def write(data: bytes, before: Blocks, after: Blocks) -> bytes:
    """The file with what is different after, without content credentials. Raises as `read`."""
    new = []
    if after.exif != before.exif and after.exif is not None:
        new.append(_chunk(_EXIF, after.exif))
    if after.xmp != before.xmp and after.xmp is not None:
        new.append(_chunk(_TEXT, _XMP + b"\0\0\0\0\0" + after.xmp))
    resources = photoshop.with_iptc(_resources(data), after.iptc) if after.iptc != before.iptc else b""
    if resources:
        new.append(_chunk(b"zTXt", _IPTC + b"\0\0" + zlib.compress(_written(resources), 9)))
    pieces, placed = [data[:8]], False
    for kind, content, raw in _chunks(data):
        if (
            kind == _CREDENTIALS
            or (after.exif != before.exif and (kind == _EXIF or _names(kind, content, _RAW_EXIF)))
            or (after.xmp != before.xmp and kind == _TEXT and content.startswith(_XMP + b"\0"))
            or (after.iptc != before.iptc and _names(kind, content, _IPTC))
        ):
            continue
        if kind == _PICTURE and not placed:
            pieces += new
            placed = True
        pieces.append(raw)
    if not placed:
        raise damaged_error("PNG")
    return b"".join(pieces)


def photoshop_or_plain(profile: bytes | None) -> bytes | None:
    """IPTC data, which stands alone or among Photoshop's resources."""
    return photoshop.iptc_in(profile) if profile and profile.startswith(b"8BIM") else profile


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content, and the whole; what follows the last chunk belongs to it."""
    at = 8
    while at < len(data):
        if at + 12 > len(data):
            raise damaged_error("PNG")
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data):
            raise damaged_error("PNG")
        if kind == b"IEND":
            yield kind, b"", data[at:]
            return
        # A copy of the picture itself would serve nothing.
        yield kind, b"" if kind == _PICTURE else data[at + 8 : end - 4], data[at:end]
        at = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _resources(data: bytes) -> bytes:
    """Photoshop's resources, the IPTC data among them; nothing for a file without, or where the IPTC data stand alone."""
    profiles = (_profile(kind, content) for kind, content, _ in _chunks(data) if _names(kind, content, _IPTC))
    return next((profile for profile in profiles if profile and profile.startswith(b"8BIM")), b"")


def _names(kind: bytes, content: bytes, name: bytes) -> bool:
    return kind in (b"zTXt", b"tEXt") and content[: len(name) + 1].lower() == name.lower() + b"\0"


def _international(content: bytes) -> bytes | None:
    compressed, _, rest = content[len(_XMP) + 1 :][:1], content[len(_XMP) + 2 :][:1], content[len(_XMP) + 3 :]
    text = rest.split(b"\0", 2)[2:]
    if not text:
        return None
    return _expanded(text[0]) if compressed == b"\1" else text[0]


def _profile(kind: bytes, content: bytes) -> bytes | None:
    """A profile as ImageMagick writes it: its name and length in lines, and its bytes in hexadecimal digits."""
    rest = content.partition(b"\0")[2]
    text = _expanded(rest[1:]) if kind == b"zTXt" else rest
    if text is None:
        return None
    lines = text.strip().split(b"\n", 2)
    try:
        return bytes.fromhex(lines[2].decode("ascii")) if len(lines) == 3 else None
    except ValueError:
        return None


def _expanded(content: bytes) -> bytes | None:
    try:
        machine = zlib.decompressobj()
        text = machine.decompress(content, _LARGEST)
    except zlib.error:
        return None
    return None if machine.unconsumed_tail else text


def _written(profile: bytes) -> bytes:
    digits = profile.hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return b"\niptc\n%8d\n%s\n" % (len(profile), lines)
