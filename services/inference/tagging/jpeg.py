"""The metadata of JPEG files."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from services.inference.credentials.presence import has_credentials
from services.inference.media.errors import damaged_error
from services.inference.tagging import photoshop
from services.inference.tagging.blocks import Blocks, too_large

_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
"""Begins the rest of a long packet (XMP Specification, Part 3, 1.1.3.1)."""
_EXIF, _XMP, _PHOTOSHOP, _PICTURES = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0", b"MPF\0"
_APP0, _APP1, _APP2, _APP11, _APP13 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED
_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length."""
_ROOM = 0xFFFF - 2
_ENTRIES = 0xB002
"""Tag of the list of pictures (CIPA DC-007)."""


@dataclass(slots=True)
class _Segment:
    marker: int
    start: int
    """Where it was, with what fills the gap before it."""
    content: bytes
    raw: bytes


def read(data: bytes) -> Blocks:
    """The file's metadata. Raises `FILE_CORRUPT`."""
    segments, _ = _taken_apart(data)
    resources = b"".join(_contents(segments, _APP13, _PHOTOSHOP))
    exif = _contents(segments, _APP1, _EXIF)
    xmp = _contents(segments, _APP1, _XMP)
    return Blocks(exif[0] if exif else None, photoshop.iptc_in(resources), xmp[0] if xmp else None)


def write(data: bytes, before: Blocks, after: Blocks) -> bytes:
    """The file with what is different after, without content credentials. Raises as `read`, and `MEDIA_LIMIT_EXCEEDED`."""
    segments, rest = _taken_apart(data)
    segments = _without_credentials(segments)
    if after.iptc != before.iptc:
        resources = photoshop.with_iptc(b"".join(_contents(segments, _APP13, _PHOTOSHOP)), after.iptc)
        segments = _replaced(segments, _APP13, _PHOTOSHOP, _split(resources))
    if after.xmp is None and before.xmp is not None:
        segments = [each for each in segments if not _is(each, _APP1, _EXTENDED_XMP)]
    if after.xmp != before.xmp:
        segments = _replaced(segments, _APP1, _XMP, [] if after.xmp is None else [after.xmp])
    if after.exif != before.exif:
        segments = _replaced(segments, _APP1, _EXIF, [] if after.exif is None else [after.exif])
    grown = 2 + sum(len(segment.raw) for segment in segments) - rest
    return _joined(segments, data, rest, grown)


def _taken_apart(data: bytes) -> tuple[list[_Segment], int]:
    """The segments before the picture's samples, and where these begin."""
    found: list[_Segment] = []
    at = 2
    while True:
        start = at
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            raise damaged_error("JPEG")
        marker = data[at + 1]
        if marker in (_SCAN, _END):
            return found, start
        size = 0 if marker in _ALONE else int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + size
        if end > len(data) or (size < 2 and marker not in _ALONE):
            raise damaged_error("JPEG")
        found.append(_Segment(marker, start, data[at + 4 : end], data[start:end]))
        at = end


def _without_credentials(segments: Sequence[_Segment]) -> list[_Segment]:
    """Without the box of the manifest store: all segments with its number (ISO/IEC 19566-5, D.2)."""
    boxes = [each for each in segments if each.marker == _APP11 and each.content.startswith(b"JP")]
    stores = {each.content[2:4] for each in boxes if has_credentials(each.content)}
    return [each for each in segments if each not in boxes or each.content[2:4] not in stores]


def _contents(segments: Sequence[_Segment], marker: int, name: bytes) -> list[bytes]:
    return [each.content[len(name) :] for each in segments if _is(each, marker, name)]


def _is(segment: _Segment, marker: int, name: bytes) -> bool:
    return segment.marker == marker and segment.content.startswith(name)


def _replaced(segments: Sequence[_Segment], marker: int, name: bytes, contents: Sequence[bytes]) -> list[_Segment]:
    """New segments where the first old one was, or after the leading ones; one of a kind that has others stays next to them."""
    old = [each for each in segments if _is(each, marker, name)]
    gone = old if len(contents) != 1 or marker == _APP13 else old[:1]
    others = [each for each in segments if not any(each is one for one in gone)]
    leading = 0
    while leading < len(others) and others[leading].marker in (_APP0, _APP1):
        leading += 1
    if marker == _APP1 and name == _EXIF:
        leading = next((number for number, each in enumerate(others) if each.marker != _APP0), len(others))
    first = next((number for number, each in enumerate(segments) if gone and each is gone[0]), leading)
    return [*others[:first], *(_segment(marker, name + content) for content in contents), *others[first:]]


def _segment(marker: int, content: bytes) -> _Segment:
    if len(content) > _ROOM:
        raise too_large("JPEG")
    return _Segment(marker, -1, content, struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content)


def _split(resources: bytes) -> Sequence[bytes]:
    room = _ROOM - len(_PHOTOSHOP)
    return [resources[at : at + room] for at in range(0, len(resources), room)]


def _joined(segments: Sequence[_Segment], data: bytes, rest: int, grown: int) -> bytes:
    pieces, at = [data[:2]], 2
    for segment in segments:
        raw = segment.raw
        if grown and segment.marker == _APP2 and segment.content.startswith(_PICTURES):
            raw = raw[: -len(segment.content)] + _PICTURES + _moved(segment.content[len(_PICTURES) :], grown, at - segment.start)
        pieces.append(raw)
        at += len(raw)
    return b"".join((*pieces, data[rest:]))


def _moved(index: bytes, grown: int, moved: int) -> bytes:
    """The list of pictures in one file: the first has grown, and the others are further from the list, which has moved itself."""
    order = {b"II": "<", b"MM": ">"}.get(index[:2])
    if order is None or len(index) < 10:
        return index
    changed = bytearray(index)
    (at,) = struct.unpack_from(f"{order}I", index, 4)
    if at + 2 > len(index):
        return index
    (count,) = struct.unpack_from(f"{order}H", index, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(index) - 11), 12):
        tag, _, size, place = struct.unpack_from(f"{order}HHII", index, entry)
        if tag != _ENTRIES:
            continue
        for number, one in enumerate(range(place, min(place + size, len(index) - 15), 16)):
            length, offset = struct.unpack_from(f"{order}II", index, one + 4)
            if number == 0 and 0 <= length + grown < 1 << 32:
                struct.pack_into(f"{order}I", changed, one + 4, length + grown)
            elif offset and 0 <= offset + grown - moved < 1 << 32:
                struct.pack_into(f"{order}I", changed, one + 8, offset + grown - moved)
    return bytes(changed)
