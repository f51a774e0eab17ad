"""ICC profiles, read with suspicion: the few numbers that colour conversion needs, and a profile made of nothing else.

A profile comes with a file, and Little CMS, a large C library, would parse it in this process. So it gets `essential(profile)` instead: a
header and the tags for curves and matrix (ICC.1:2022, 8.3.3 and 8.4.3), checked here and written again.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

LARGEST = 8 << 20
"""Bytes of a profile that is looked at."""

_HEADER = 128
_MOST_TAGS, _MOST_POINTS = 100, 1 << 16
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_COLOUR = {b"rXYZ": b"rTRC", b"gXYZ": b"gTRC", b"bXYZ": b"bTRC"}
_TABLES = (b"A2B", b"B2A", b"D2B", b"B2D")
_PARAMETERS = (1, 3, 4, 5, 7)  # of each function type of a parametric curve
_D50 = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
_SMALLEST_DETERMINANT = 1e-3


class Unusable(Exception):
    """The profile is damaged, or not of a kind that this module reads."""


class WorksByTables(Unusable):
    """The profile is of a kind that only Little CMS can read."""


@lru_cache(maxsize=16)
def essential(profile: bytes) -> bytes:
    """The profile reduced to what conversions by curves and matrix need. Raises Unusable and WorksByTables."""
    if not _HEADER + 4 <= len(profile) <= LARGEST:
        raise Unusable("its size")
    size, version, kind, space, connection, signature = struct.unpack_from(">I4xB3x4s4s4s12x4s", profile)
    if signature != b"acsp" or kind not in _CLASSES or size > len(profile) or version not in (2, 4):
        raise Unusable("its header")
    tags = _tags(profile[:size])
    if any(name[:3] in _TABLES for name in tags):
        raise WorksByTables
    if space == b"GRAY" and connection in (b"XYZ ", b"Lab "):
        kept = {b"kTRC": _curve(tags[b"kTRC"])} if b"kTRC" in tags else {}
    elif space == b"RGB " and connection == b"XYZ ":
        kept = _of_colour(tags)
    else:
        raise Unusable("its colour space")
    if not kept:
        raise Unusable("tags are missing")
    return _written(version, space, connection, kept | {b"wtpt": b"XYZ \0\0\0\0" + _D50})


def without_tail(profile: bytes) -> bytes:
    """As long as its header says; writers of PNG refuse another length."""
    return profile[: int.from_bytes(profile[:4], "big")]


def _tags(profile: bytes) -> Mapping[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, _HEADER) if len(profile) >= _HEADER + 4 else (0,)
    if not 0 < count <= _MOST_TAGS or _HEADER + 4 + 12 * count > len(profile):
        raise Unusable("its table of tags")
    tags: dict[bytes, bytes] = {}
    for name, offset, length in struct.iter_unpack(">4sII", profile[_HEADER + 4 : _HEADER + 4 + 12 * count]):
        if offset + length > len(profile):
            raise Unusable("a tag lies outside")
        tags.setdefault(name, profile[offset : offset + length])
    return tags


def _of_colour(tags: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    if not tags.keys() >= {*_COLOUR, *_COLOUR.values()}:
        raise Unusable("tags are missing")
    columns = [_xyz(tags[name]) for name in _COLOUR]
    (a, b, c), (d, e, f), (g, h, i) = columns
    if abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) < _SMALLEST_DETERMINANT:
        raise Unusable("its primaries span no colours")
    primaries = {name: b"XYZ \0\0\0\0" + tags[name][8:20] for name in _COLOUR}
    return primaries | {name: _curve(tags[name]) for name in _COLOUR.values()}


def _xyz(tag: bytes) -> tuple[float, ...]:
    if len(tag) < 20 or tag[:4] != b"XYZ ":
        raise Unusable("a primary")
    numbers = tuple(number / 0x10000 for number in struct.unpack_from(">3i", tag, 8))
    if any(abs(number) > 4 for number in numbers):
        raise Unusable("a primary")
    return numbers


def _curve(tag: bytes) -> bytes:
    """The tag's own bytes, without what follows the curve."""
    if len(tag) < 12:
        raise Unusable("a curve")
    if tag[:4] == b"curv":
        (points,) = struct.unpack_from(">I", tag, 8)
        length = 12 + 2 * points
        if points > _MOST_POINTS or length > len(tag) or (points == 1 and tag[12:14] == b"\0\0"):
            raise Unusable("a curve")
        if points > 1 and len(set(struct.unpack_from(f">{points}H", tag, 12))) == 1:
            raise Unusable("a curve is flat")
        return tag[:length]
    if tag[:4] == b"para":
        (function,) = struct.unpack_from(">H", tag, 8)
        length = 12 + 4 * _PARAMETERS[function] if function < len(_PARAMETERS) else len(tag) + 1
        if length > len(tag):
            raise Unusable("a curve")
        gamma, *others = (number / 0x10000 for number in struct.unpack_from(f">{_PARAMETERS[function]}i", tag, 12))
        if not 0.01 <= gamma <= 100 or any(abs(number) > 100 for number in others) or (others and abs(others[0]) < 0.01):
            raise Unusable("a curve")
        return tag[:length]
    raise Unusable("a curve")


def _written(version: int, space: bytes, connection: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    first = _HEADER + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", first + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sB3s4s4s4s", first + len(body), bytes(4), version, bytes(3), b"mntr", space, connection)
    return (header + bytes(12) + b"acsp" + bytes(28) + _D50).ljust(_HEADER, b"\0") + table + body
