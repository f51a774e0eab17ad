"""JPEG files as they may stand in a document: without metadata, and with what a reader must know about them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_FRAMES = {0xC0, 0xC1, 0xC2}
"""Baseline, extended and progressive, with Huffman codes: what DCTDecode reads (ISO 32000-2, 7.4.8)."""
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_DROPPED = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""Application data and comments, except JFIF's and Adobe's, which define the samples."""
_SCAN, _END, _ICC, _ADOBE = 0xDA, 0xD9, 0xE2, 0xEE
_PROFILE = b"ICC_PROFILE\0"
_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
_RGB = (ord("R"), ord("G"), ord("B"))


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG without metadata."""

    content: bytes
    width: int
    height: int
    channels: int
    """1, 3 or 4; four are stored inverted, as Adobe's programs do."""
    profile: bytes | None


def embeddable(data: bytes) -> Jpeg | None:
    """The part of a JPEG file that a document can embed; None if readers of documents may not show it unchanged."""
    try:
        return _parsed(data)
    except (IndexError, struct.error):
        return None


def _parsed(data: bytes) -> Jpeg | None:
    kept, pieces = [b"\xff\xd8"], dict[int, bytes]()
    frame: tuple[int, int, int, tuple[int, ...]] | None = None
    adobe, place = False, 2
    while True:
        if data[place] != 0xFF:
            return None
        while data[place + 1] == 0xFF:
            place += 1
        marker = data[place + 1]
        if marker == _END:
            kept.append(b"\xff\xd9")
            break
        if marker in _STANDALONE:
            place += 2
            continue
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        segment = data[place:end]
        if marker in _OTHER_FRAMES or (marker in _FRAMES and (frame is not None or segment[4] != 8)):
            return None
        if marker in _FRAMES:
            height, width, channels = struct.unpack_from(">HHB", segment, 5)
            frame = width, height, channels, tuple(segment[10 + 3 * each] for each in range(channels))
        if marker == _ICC and segment[4:].startswith(_PROFILE):
            pieces[segment[16]] = segment[18:]
        adobe = adobe or (marker == _ADOBE and segment[4:9] == b"Adobe")
        if marker == _SCAN:
            end = _end_of_scan(data, end)
            segment = data[place:end]
        if marker not in _DROPPED:
            kept.append(segment)
        place = end
    if frame is None or not _readable(frame[2], frame[3], adobe) or not frame[0] or not frame[1]:
        return None
    return Jpeg(b"".join(kept), frame[0], frame[1], frame[2], _profile(pieces, frame[2]))


def _readable(channels: int, names: tuple[int, ...], adobe: bool) -> bool:
    """Whether all readers take the samples for the same colours."""
    return channels == 1 or (channels == 3 and (adobe or names != _RGB)) or (channels == 4 and adobe)


def _end_of_scan(data: bytes, place: int) -> int:
    while True:
        place = data.find(b"\xff", place)
        if place < 0:
            raise IndexError
        if data[place + 1] == 0 or 0xD0 <= data[place + 1] <= 0xD7:
            place += 2
        elif data[place + 1] == 0xFF:
            place += 1
        else:
            return place


def _profile(pieces: dict[int, bytes], channels: int) -> bytes | None:
    profile = b"".join(pieces[number] for number in sorted(pieces))
    whole = len(profile) >= 132 and struct.unpack_from(">I", profile)[0] <= len(profile)
    return profile if whole and profile[36:40] == b"acsp" and profile[16:20] == _SPACES[channels] else None
