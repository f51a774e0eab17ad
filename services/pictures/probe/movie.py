"""Headers of videos in MP4 (ISO/IEC 14496-14) and QuickTime files: what the tables of the video track count, of fragments too."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from services.pictures.media_format import MediaFormat
from services.pictures.probe.boxes import Box, boxes, find, top_boxes
from services.pictures.probe.faults import DamagedFileError, encrypted_video_error, read_exactly, require_size, sound_only_error
from services.pictures.probe.model import Probe, milliseconds_of
from services.pictures.probe.ranges import RangeFile

_MAX_TABLE_BYTES = 1 << 20
"""The part of a table of times that is read: it describes at least 87,000 frames."""
_ENCRYPTED = frozenset({b"encv", b"drmi"})
_ENTRY = struct.Struct(">4x4s24xHH46xH")
"""A visual sample entry: codec, width, height, and bits of a pixel."""
_WITH_ALPHA = 32


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    ticks_per_second: int
    tables: Box
    """Its `stbl`."""


@dataclass(slots=True)
class _Counted:
    frames: int = 0
    ticks: int = 0


def parse(file: RangeFile, format_: MediaFormat) -> Probe:
    """Read the tables of the first video track, wherever in the file they are. Raises DamagedFileError, MEDIA_UNSUPPORTED and
    FILE_ENCRYPTED."""
    top = top_boxes(file, b"moov")
    movie = next((box for box in top if box.kind == b"moov"), None)
    if movie is None:
        raise DamagedFileError("it has no index of its frames, as a recording that was cut off")
    track = _video_track(file, movie)
    width, height, has_alpha = _look(file, track)
    counted = _in_tables(file, track)
    if (fragments := find(file, movie, b"mvex")) is not None:
        _add_fragments(file, track.number, top, _usual_ticks(file, fragments, track.number), counted)
    if counted.frames == 0:
        raise DamagedFileError("its video has no frames")
    return Probe(
        media_type=format_.media_type,
        width=width,
        height=height,
        frames=counted.frames,
        has_alpha=has_alpha,
        duration_milliseconds=milliseconds_of(counted.ticks / track.ticks_per_second),
    )


def _video_track(file: RangeFile, movie: Box) -> _Track:
    tracks = [box for box in boxes(file, movie.body, movie.end) if box.kind == b"trak"]
    if not tracks:
        raise DamagedFileError("it holds no video")
    for track in tracks:
        handler = find(file, track, b"mdia", b"hdlr")
        if handler is None or read_exactly(file, handler.body + 8, 4) != b"vide":
            continue
        header, media = find(file, track, b"tkhd"), find(file, track, b"mdia", b"mdhd")
        tables = find(file, track, b"mdia", b"minf", b"stbl")
        if header is None or media is None or tables is None:
            raise DamagedFileError("its video track is broken")
        number = _after_times(file, header)
        ticks = _after_times(file, media)
        if ticks == 0:
            raise DamagedFileError("its video track has no unit of time")
        return _Track(number, ticks, tables)
    raise sound_only_error()


def _after_times(file: RangeFile, box: Box) -> int:
    """The number that follows the times of creation and change, which have 4 bytes each, or 8 in version 1."""
    version = read_exactly(file, box.body, 1)[0]
    return int.from_bytes(read_exactly(file, box.body + 4 + (16 if version == 1 else 8), 4), "big")


def _look(file: RangeFile, track: _Track) -> tuple[int, int, bool]:
    """Width and height as stored, and whether frames may be transparent."""
    entries = find(file, track.tables, b"stsd")
    if entries is None:
        raise DamagedFileError("its video track is broken")
    codec, width, height, depth = _ENTRY.unpack(read_exactly(file, entries.body + 8, _ENTRY.size))
    if codec in _ENCRYPTED:
        raise encrypted_video_error()
    require_size(width, height)
    return width, height, depth == _WITH_ALPHA


def _in_tables(file: RangeFile, track: _Track) -> _Counted:
    inside = {box.kind: box for box in boxes(file, track.tables.body, track.tables.end)}
    sizes = inside.get(b"stsz") or inside.get(b"stz2")
    if sizes is None:
        raise DamagedFileError("its video track is broken")
    same_size, frames = struct.unpack(">II", read_exactly(file, sizes.body + 4, 8))
    bits = 32 if sizes.kind == b"stsz" else same_size & 0xFF
    if (sizes.kind == b"stz2" or not same_size) and frames * bits // 8 > sizes.end - sizes.body - 12:
        raise DamagedFileError(f"it announces {frames} frames")
    times = inside.get(b"stts")
    table = _table(file, times, 8) if times is not None else b""
    return _Counted(frames, sum(count * ticks for count, ticks in struct.iter_unpack(">II", table)))


def _table(file: RangeFile, box: Box, entry_bytes: int) -> bytes:
    """The whole entries of a table that begins with their number, as far as they are in its box."""
    count = int.from_bytes(read_exactly(file, box.body + 4, 4), "big")
    length = min(count * entry_bytes, box.end - box.body - 8, _MAX_TABLE_BYTES)
    return read_exactly(file, box.body + 8, max(0, length - length % entry_bytes))


def _usual_ticks(file: RangeFile, fragments: Box, track: int) -> int:
    """How long a frame takes in a fragment that does not say it."""
    for box in boxes(file, fragments.body, fragments.end):
        if box.kind == b"trex":
            number, _, ticks = struct.unpack(">III", read_exactly(file, box.body + 4, 12))
            if number == track:
                return int(ticks)
    return 0


def _add_fragments(file: RangeFile, track: int, top: Sequence[Box], usual: int, counted: _Counted) -> None:
    for fragment in (box for box in top if box.kind == b"moof"):
        for part in (box for box in boxes(file, fragment.body, fragment.end) if box.kind == b"traf"):
            inside = list(boxes(file, part.body, part.end))
            header = next((box for box in inside if box.kind == b"tfhd"), None)
            if header is None:
                raise DamagedFileError("its fragments are broken")
            flags, number = struct.unpack(">II", read_exactly(file, header.body, 8))
            if number != track:
                continue
            ticks = usual
            if flags & 0x8:
                at = header.body + 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
                ticks = int.from_bytes(read_exactly(file, at, 4), "big")
            for run in (box for box in inside if box.kind == b"trun"):
                _add_run(file, run, ticks, counted)


def _add_run(file: RangeFile, run: Box, usual: int, counted: _Counted) -> None:
    flags, frames = struct.unpack(">II", read_exactly(file, run.body, 8))
    at = run.body + 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    entry_bytes = 4 * (flags & 0xF00).bit_count()
    if frames * entry_bytes > run.end - at:
        raise DamagedFileError("its fragments are broken")
    counted.frames += frames
    if flags & 0x100 and frames * entry_bytes <= _MAX_TABLE_BYTES:
        entries = read_exactly(file, at, frames * entry_bytes)
        counted.ticks += sum(int.from_bytes(entries[each : each + 4], "big") for each in range(0, len(entries), entry_bytes))
    else:
        counted.ticks += frames * usual
