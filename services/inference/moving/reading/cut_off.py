"""Whether a video was cut off: FFmpeg reads what there is of it, without a word, or misses what it says at its end.

EBML: RFC 8794; Matroska: RFC 9559; boxes: ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from pathlib import Path

from services.pictures.media_format import MediaFormat

_SEGMENT = b"\x18\x53\x80\x67"
_HEAD_BYTES = 4096
_BOX, _LEAST_BOX = struct.Struct(">I4sQ"), 8
_NEEDED = frozenset((b"moov", b"mdat", b"moof"))


def is_cut_off(path: Path, format_: MediaFormat) -> bool:
    """Whether the file is shorter than it says. One that was written live does not say it."""
    return not (_is_whole_webm(path) if format_ is MediaFormat.WEBM else _is_whole_mp4(path))


def _is_whole_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        there, at = file.seek(0, 2), 0
        while at + _BOX.size <= there:
            file.seek(at)
            size, kind, large = _BOX.unpack(file.read(_BOX.size))
            size = large if size == 1 else size
            if size < _LEAST_BOX:
                # The last one, or something else.
                break
            at += size
            if kind in _NEEDED and at > there:
                return False
    return True


def _is_whole_webm(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        there = file.seek(0, 2)
    at = 4
    while at < len(head):
        size, content = _size(head, at)
        if head[at - 4 : at] == _SEGMENT:
            return size is None or content + size <= there
        if size is None:
            break
        # The header, of which the identifier has as many bytes.
        at = content + size + 4
    return True


def _size(head: bytes, at: int) -> tuple[int | None, int]:
    """A size, None if it is unknown, and where what has it begins."""
    length = 9 - head[at].bit_length()
    if length > 8:
        return None, at
    bits = 7 * length
    size = int.from_bytes(head[at : at + length], "big") & ((1 << bits) - 1)
    return (None if size == (1 << bits) - 1 else size), at + length
