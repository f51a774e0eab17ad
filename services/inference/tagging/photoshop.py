"""Photoshop's image resources, one of which is the IPTC data."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

_MARK = b"8BIM"
_IPTC, _DIGEST = 0x0404, 0x0425


def iptc_in(resources: bytes) -> bytes | None:
    """The IPTC data."""
    return next((content for number, content, _ in _parts(resources) if number == _IPTC), None)


def with_iptc(resources: bytes, iptc: bytes | None) -> bytes:
    """The resources with other IPTC data, and with its digest where there is one. Parts that cannot be parsed stay at the end."""
    kept, written, end = [], False, 0
    for number, _, raw in _parts(resources):
        end += len(raw)
        if number == _IPTC:
            if iptc is not None and not written:
                kept.append(_part(_IPTC, iptc))
            written = True
        elif number != _DIGEST:
            kept.append(raw)
        elif iptc is not None:
            kept.append(_part(_DIGEST, hashlib.md5(iptc, usedforsecurity=False).digest()))
    if iptc is not None and not written:
        kept.append(_part(_IPTC, iptc))
    return b"".join(kept) + resources[end:]


def _parts(resources: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, content, and the whole of each."""
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] == _MARK:
        start = at
        (number,) = struct.unpack_from(">H", resources, at + 4)
        at += 6 + (resources[at + 6] + 2) // 2 * 2
        if at + 4 > len(resources):
            return
        (size,) = struct.unpack_from(">I", resources, at)
        at += 4
        if at + size > len(resources):
            return
        content = resources[at : at + size]
        at = min(at + size + size % 2, len(resources))
        yield number, content, resources[start:at]


def _part(number: int, content: bytes) -> bytes:
    return _MARK + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)
