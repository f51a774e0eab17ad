"""XMP packets (ISO 16684-1), changed as text: an XML parser would be one more thing for a hostile file to attack."""

from __future__ import annotations

import re

_ATTRIBUTE = re.compile(rb"""\s[\w-]{1,40}:GPS\w{1,40}\s{0,9}=\s{0,9}(?:"[^"<]{0,4096}"|'[^'<]{0,4096}')""", re.IGNORECASE)
_ELEMENT = re.compile(rb"<([\w-]{1,40}:GPS\w{1,40})(?:\s[^<>]{0,4096})?(?:/>|>.{0,4096}?</\1\s{0,9}>)", re.DOTALL | re.IGNORECASE)
_LEFT = re.compile(rb":GPS\w", re.IGNORECASE)
_ORIENTATION = re.compile(rb"""(\btiff:Orientation(?:\s{0,9}=\s{0,9}["']|(?:\s[^<>]{0,400})?>)\s{0,9})[2-8]""")
_ORIENTATION_IN_UTF_16 = "tiff:Orientation".encode("utf-16-be")[1:]


def as_upright(packet: bytes | None) -> bytes | None:
    """A packet that says of its picture, if anything, that it is upright; None for one in UTF-16 that says otherwise, perhaps."""
    return None if packet is None or _ORIENTATION_IN_UTF_16 in packet else _ORIENTATION.sub(rb"\g<1>1", packet)


def without_location(packet: bytes | None) -> bytes | None:
    """A packet without the properties that say where a photo was taken (`exif:GPS…`); None where they cannot be taken out."""
    if packet is None:
        return None
    rest = _ELEMENT.sub(b"", _ATTRIBUTE.sub(b"", packet))
    hidden = _LEFT.search(rest) or b"G\0P\0S" in rest
    return None if hidden else rest
