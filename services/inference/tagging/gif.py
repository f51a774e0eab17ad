"""The metadata of GIF files, which are XMP and content credentials."""

from __future__ import annotations

from collections.abc import Iterator

from services.inference.media.errors import damaged_error
from services.inference.tagging.blocks import Blocks

_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_APPLICATION = b"\x21\xff\x0b"
_XMP, _CREDENTIALS = _APPLICATION + b"XMP DataXMP", _APPLICATION + b"C2PA_GIF"
_TRAILER = b"\x01" + bytes(range(0xFF, -1, -1)) + b"\0"
"""Ends the packet for those that read it in blocks."""


def read(data: bytes) -> Blocks:
    """The file's metadata. Raises `FILE_CORRUPT`."""
    start, end, _ = _packet(data)
    return Blocks(xmp=data[start + len(_XMP) : end - len(_TRAILER)] if start else None)


def write(data: bytes, _before: Blocks, after: Blocks) -> bytes:
    """The file with what is different after, without content credentials. Raises as `read`."""
    data = _without_credentials(data)
    start, end, place = _packet(data)
    if not start:
        start = end = place
    packet = _XMP + after.xmp + _TRAILER if after.xmp is not None else b""
    # Extensions came with the second version of the format.
    return b"GIF89a" + data[6:start] + packet + data[end:]


def _without_credentials(data: bytes) -> bytes:
    kept, at = [data[:13]], 13
    for start, end in _parts(data):
        kept.append(data[at:start])
        at = end if data.startswith(_CREDENTIALS, start) else start
    return b"".join((*kept, data[at:]))


def _parts(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each extension and picture begins and ends. Raises `FILE_CORRUPT`."""
    if len(data) < 13:
        raise damaged_error("GIF")
    at = 13 + _table(data[10])
    while at < len(data) and data[at] != _END:
        start = at
        if data[at] == _EXTENSION:
            at += 2
        elif data[at] == _PICTURE and at + 11 <= len(data):
            at += 11 + _table(data[at + 9])
        else:
            raise damaged_error("GIF")
        at = _past_blocks(data, at)
        yield start, min(at, len(data))


def _packet(data: bytes) -> tuple[int, int, int]:
    """Where the packet begins and ends, 0 for no packet, and where one may be put: after the extensions that are for the whole file."""
    if len(data) < 13:
        raise damaged_error("GIF")
    at = 13 + _table(data[10])
    place = 0
    while at < len(data) and data[at] != _END:
        start = at
        if data.startswith(_XMP, at):
            end = data.find(_TRAILER, at)
            if end >= 0:
                return start, end + len(_TRAILER), start
        if data[at] == _EXTENSION:
            place = place or (0 if data.startswith(_APPLICATION, at) else start)
            at += 2
        elif data[at] == _PICTURE and at + 11 <= len(data):
            place = place or start
            at += 11 + _table(data[at + 9])
        else:
            raise damaged_error("GIF")
        at = _past_blocks(data, at)
    return 0, 0, place or min(at, len(data))


def _table(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
