"""The parts of a JPEG file (ITU-T T.81, B): what stands before its samples, and between and in its scans."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

APP0, APP1, APP2, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE
JFIF, EXIF, XMP, PROFILE, PHOTOSHOP, ADOBE = (
    b"JFIF\0",
    b"Exif\0\0",
    b"http://ns.adobe.com/xap/1.0/\0",
    b"ICC_PROFILE\0",
    b"Photoshop 3.0\0",
    b"Adobe",
)
START, END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _TABLES, _END = 0xDA, 0xDB, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READ = frozenset((0xC0, 0xC1, 0xC2))
"""Frames in Huffman's code: baseline, extended and progressive."""
_RARE = frozenset((0xDC, 0xDE, 0xDF))
"""Markers of files whose height is said late, or whose picture is one of several that make up one."""
_NEXT = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_ROOM = 0xFFFF - 2
_SIDE = 8
_JFIF = 9
_OTHER = frozenset((*range(0xE0, 0xF0), 0xFE))
"""Markers of what is not needed to decode the samples: applications' data and comments."""
_WITHOUT_ADOBE = -1
_AS_LUMINANCE = frozenset((_WITHOUT_ADOBE, 1))


@dataclass(frozen=True, slots=True)
class Component:
    """A component of the frame, and how many of its samples there are for the fewest of another, across and down."""

    identifier: int
    across: int
    down: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker, its content, and all bytes up to the next segment: with those of a scan come its coded samples."""

    marker: int
    content: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class JpegFile:
    """A file that ends with its first picture."""

    width: int
    height: int
    components: Sequence[Component]
    segments: Sequence[Segment]

    @property
    def unit(self) -> tuple[int, int]:
        """Width and height in samples of what is coded together."""
        if len(self.components) == 1:
            return _SIDE, _SIDE
        return _SIDE * max(each.across for each in self.components), _SIDE * max(each.down for each in self.components)

    @property
    def needed(self) -> Sequence[Segment]:
        """The segments without which the samples cannot be decoded, except those that say how to understand colours."""
        return [each for each in self.segments if each.marker not in _OTHER]

    @property
    def jfif(self) -> Sequence[bytes]:
        """The contents of whole JFIF headers (T.871, 10.1): version, unit, resolution and the sides of a thumbnail."""
        return [each for each in self.contents(APP0, JFIF) if len(each) >= _JFIF]

    @property
    def may_have_jfif(self) -> bool:
        """Whether a JFIF header would change nothing about the colours: gray, or luminance and chrominance."""
        if len(self.components) == 1 or self.jfif:
            return True
        transforms = [each[6] for each in self.contents(APP14, ADOBE) if len(each) > 6]
        named = [each.identifier for each in self.components] == [1, 2, 3]
        return named and (transforms[0] if transforms else _WITHOUT_ADOBE) in _AS_LUMINANCE

    def contents(self, marker: int, name: bytes) -> list[bytes]:
        """The contents of the segments of a kind, after their name."""
        return [each.content[len(name) :] for each in self.segments if each.marker == marker and each.content.startswith(name)]

    def kept(self, marker: int, name: bytes) -> list[Segment]:
        """The segments of a kind."""
        return [each for each in self.segments if each.marker == marker and each.content.startswith(name)]


def read(data: bytes) -> JpegFile | None:
    """The parts of a file; None for a damaged one, one without an end, and one of a rare kind: in arithmetic code, with other than eight
    bits, with other than one or three components, or with components of uneven sizes."""
    segments: list[Segment] = []
    frame: bytes | None = None
    at, scans = 2, 0
    while (found := _NEXT.match(data, at)) is not None:
        marker, start = found[1][0], found.end()
        if marker == _END:
            return None if frame is None or not scans else _file(frame, segments)
        if start + 2 > len(data):
            return None
        end = start + max(struct.unpack_from(">H", data, start)[0], 2)
        content = data[start + 2 : end]
        if end > len(data) or marker in _RARE or (marker == _TABLES and scans) or (marker in _FRAMES and frame is not None):
            return None
        if marker in _FRAMES:
            if marker not in _READ:
                return None
            frame = content
        if marker == _SCAN:
            scans += 1
            after = _NEXT.search(data, end)
            end = len(data) if after is None else after.start()
        segments.append(Segment(marker, content, data[at:end]))
        at = end
    return None


def _file(frame: bytes, segments: Sequence[Segment]) -> JpegFile | None:
    if len(frame) < 6:
        return None
    precision, height, width, count = struct.unpack_from(">BHHB", frame)
    if precision != 8 or not width or not height or count not in (1, 3) or len(frame) != 6 + 3 * count:
        return None
    components = [Component(frame[at], frame[at + 1] >> 4, frame[at + 1] & 15) for at in range(6, len(frame), 3)]
    most = max(each.across for each in components), max(each.down for each in components)
    first = components[0]
    even = all(each.across and each.down and not (most[0] % each.across or most[1] % each.down) for each in components)
    if not even or (first.across, first.down) != most or max(most) > 4:
        return None
    return JpegFile(width, height, components, segments)


def segment(marker: int, content: bytes) -> Segment:
    """A new segment. Raises ValueError if there is more to say than it can hold."""
    if len(content) > _ROOM:
        raise ValueError(len(content))
    return Segment(marker, content, struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content)


def written(leading: Sequence[Segment], rest: Sequence[Segment]) -> bytes:
    """A file of segments."""
    return b"".join((START, *(each.raw for each in leading), *(each.raw for each in rest), END))
