"""Headers of WebM videos (RFC 9559, RFC 8794), and their frames, which no header counts.

A browser that records a video does not even write how long it is. So the frames of a file are counted as far as reading costs little; of a
longer one, the end is looked up, and the frames are estimated by those of its beginning.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError, encrypted_video_error, read_exactly, require_size, sound_only_error
from services.pictures.probe.model import Probe, milliseconds_of
from services.pictures.probe.ranges import BudgetExhausted, RangeFile

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TRACK_ENTRY, _TRACK_NUMBER, _TRACK_TYPE, _DEFAULT_DURATION = 0xAE, 0xD7, 0x83, 0x23E383
_VIDEO, _PIXEL_WIDTH, _PIXEL_HEIGHT, _ALPHA_MODE = 0xE0, 0xB0, 0xBA, 0x53C0
_ENCODINGS, _ENCODING, _ENCRYPTION = 0x6D80, 0x6240, 0x5035
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_IS_VIDEO = 1
_USUAL_SCALE = 1_000_000
"""Nanoseconds."""

_MAX_HEADER_BYTES = 1 << 20
_MAX_ELEMENTS = 300_000
_COUNTED_BYTES = 16 << 20
"""The beginning of a file, in which frames are counted."""
_TAIL_BYTES = 8 << 20
"""The end of a file, in which the last cluster is looked for."""
_STEP = 1 << 20
_LONGEST = 1e15
"""Units of time."""
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class _Element:
    kind: int
    start: int
    body: int
    length: int
    """`_UNKNOWN`: as long as what can be in it goes on."""

    @property
    def end(self) -> int:
        return self.body + self.length


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    width: int
    height: int
    has_alpha: bool
    frame_nanoseconds: int
    """0 if it does not say how long a frame takes."""


@dataclass(slots=True)
class _Counted:
    """Frames, and when in the video they begin, in units of the file; `whole`: they are all."""

    frames: int = 0
    first: int = 0
    last: int = 0
    whole: bool = False


def parse(file: RangeFile) -> Probe:
    """Read the headers, and count or estimate the frames of the first video track. Raises DamagedFileError, MEDIA_UNSUPPORTED and
    FILE_ENCRYPTED."""
    segment = next((each for each in _elements(file, 0, file.size) if each.kind == _SEGMENT), None)
    if segment is None:
        raise DamagedFileError("it holds no video")
    if segment.length != _UNKNOWN and segment.end > file.size:
        raise DamagedFileError("it is truncated")
    scale, announced, track, clusters = _headers(file, segment)
    counted = _count(file, clusters, track.number, clusters + _COUNTED_BYTES)
    if counted.frames == 0:
        raise DamagedFileError("its video has no frames")
    frames, last = counted.frames, counted.last
    if not counted.whole:
        tail = _last_cluster(file, track.number)
        if tail is None and not announced:
            raise BudgetExhausted
        last = max(last, tail.last if tail is not None else 0, round(announced))
        frames = max(frames, round(frames * (last - counted.first) / max(1, counted.last - counted.first)))
    each = track.frame_nanoseconds / scale or (last - counted.first) / max(1, frames - 1)
    seen = last - counted.first + each
    return Probe(
        media_type=MediaFormat.WEBM.media_type,
        width=track.width,
        height=track.height,
        frames=frames,
        has_alpha=track.has_alpha,
        duration_milliseconds=milliseconds_of((seen if counted.whole else max(announced, seen)) * scale / 1e9),
    )


def _headers(file: RangeFile, segment: _Element) -> tuple[int, float, _Track, int]:
    """Nanoseconds in a unit of time, the announced duration in such units (0 if there is none), the video track, and where its frames
    begin."""
    scale, announced, track = _USUAL_SCALE, 0.0, None
    end = file.size if segment.length == _UNKNOWN else segment.end
    for element in _elements(file, segment.body, end):
        if element.kind == _INFO:
            info = dict(_children(_read(file, element)))
            scale = _number(info.get(_TIMESTAMP_SCALE, b"")) or _USUAL_SCALE
            announced = _real(info.get(_DURATION, b""))
        elif element.kind == _TRACKS:
            track = _video_track(file, element)
        elif element.kind == _CLUSTER:
            if track is None:
                break
            return scale, announced, track, element.start
        if element.length == _UNKNOWN:
            break
    raise DamagedFileError("it holds no video")


def _video_track(file: RangeFile, tracks: _Element) -> _Track:
    whole = _read(file, tracks)
    for kind, entry in _children(whole):
        inside = dict(_children(entry)) if kind == _TRACK_ENTRY else {}
        if _number(inside.get(_TRACK_TYPE, b"")) != _IS_VIDEO:
            continue
        encodings = [dict(_children(each)) for which, each in _children(inside.get(_ENCODINGS, b"")) if which == _ENCODING]
        if any(_ENCRYPTION in encoding for encoding in encodings):
            raise encrypted_video_error()
        look = dict(_children(inside.get(_VIDEO, b"")))
        width, height = _number(look.get(_PIXEL_WIDTH, b"")), _number(look.get(_PIXEL_HEIGHT, b""))
        require_size(width, height)
        return _Track(
            _number(inside.get(_TRACK_NUMBER, b"")),
            width,
            height,
            bool(_number(look.get(_ALPHA_MODE, b""))),
            _number(inside.get(_DEFAULT_DURATION, b"")),
        )
    raise sound_only_error()


def _count(file: RangeFile, position: int, track: int, end: int) -> _Counted:
    """The frames of a track in the clusters from `position` on, as far as `end` and reading costs little."""
    counted, cluster, read = _Counted(), 0, position
    try:
        for number, element in enumerate(_frame_elements(file, position)):
            if element.start >= end or number == _MAX_ELEMENTS:
                return counted
            if element.start >= read:
                # Ahead, in one request.
                file.at(element.start, min(_STEP, end - element.start))
                read = element.start + _STEP
            if element.kind == _TIMESTAMP:
                cluster = _number(file.at(element.body, min(element.length, 8)))
            elif element.kind in (_SIMPLE_BLOCK, _BLOCK):
                head = file.at(element.body, 16)
                of, after = _variable(head, 0)
                if of == track and element.end <= file.size:
                    moment = cluster + int.from_bytes(head[after : after + 2], "big", signed=True)
                    counted.first = min(counted.first, moment) if counted.frames else moment
                    counted.last, counted.frames = max(counted.last, moment), counted.frames + 1
    except (BudgetExhausted, DamagedFileError):
        return counted
    counted.whole = True
    return counted


def _frame_elements(file: RangeFile, position: int) -> Iterator[_Element]:
    """The elements from a cluster on, those within clusters and groups of blocks in their place. Raises DamagedFileError."""
    while position < file.size:
        element = _element(file, position)
        if element.kind in (_CLUSTER, _BLOCK_GROUP):
            position = element.body
            continue
        if element.length == _UNKNOWN:
            raise DamagedFileError("its elements are broken")
        yield element
        position = element.end


def _last_cluster(file: RangeFile, track: int) -> _Counted | None:
    """The frames of a track in the last cluster; None if it begins too far from the end."""
    mark, following = _CLUSTER.to_bytes(4, "big"), b""
    for end in range(file.size, max(0, file.size - _TAIL_BYTES), -_STEP):
        start = max(0, end - _STEP)
        try:
            block = file.at(start, end - start)
        except BudgetExhausted:
            return None
        searched, at = block + following, len(block)
        while (at := searched.rfind(mark, 0, at + len(mark) - 1)) >= 0:
            counted = _count(file, start + at, track, file.size)
            if counted.frames:
                return counted
        following = block[: len(mark) - 1]
    return None


def _elements(file: RangeFile, position: int, end: int) -> Iterator[_Element]:
    for _ in range(_MAX_ELEMENTS):
        if position >= end:
            return
        element = _element(file, position)
        yield element
        if element.length == _UNKNOWN:
            return
        position = element.end
    raise DamagedFileError("its elements are broken")


def _element(file: RangeFile, position: int) -> _Element:
    """The element at `position`. Raises DamagedFileError."""
    head = file.at(position, 12)
    length_at = 9 - head[0].bit_length() if head else 0
    if not 1 <= length_at <= 4 or length_at >= len(head):
        raise DamagedFileError("its elements are broken")
    length, after = _variable(head, length_at)
    return _Element(int.from_bytes(head[:length_at], "big"), position, position + after, length)


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """The number of variable length at `at`, `_UNKNOWN` if all its bits are set, and where it ends. Raises DamagedFileError."""
    length = 9 - data[at].bit_length() if at < len(data) else 9
    if length > 8 or at + length > len(data):
        raise DamagedFileError("its elements are broken")
    most = (1 << 7 * length) - 1
    number = int.from_bytes(data[at : at + length], "big") & most
    return _UNKNOWN if number == most else number, at + length


def _children(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a header: what each is, and its content."""
    at = 0
    while at < len(content):
        end = at + 9 - content[at].bit_length()
        length, body = _variable(content, end)
        if length == _UNKNOWN or body + length > len(content):
            raise DamagedFileError("its elements are broken")
        yield int.from_bytes(content[at:end], "big"), content[body : body + length]
        at = body + length


def _read(file: RangeFile, element: _Element) -> bytes:
    if not 0 <= element.length <= _MAX_HEADER_BYTES:
        raise DamagedFileError("its headers are broken")
    return read_exactly(file, element.body, element.length)


def _number(content: bytes) -> int:
    return int.from_bytes(content[:8], "big")


def _real(content: bytes) -> float:
    """A duration; 0 for none, or none that makes sense."""
    value: float = struct.unpack(">f" if len(content) == 4 else ">d", content)[0] if len(content) in (4, 8) else 0.0
    return value if 0 < value < _LONGEST else 0.0
