"""Exif blocks as programs and cameras lay them out: the same values, at other places."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.unit.tagging.exif_reader import EXIF, GPS, INTEROPERABILITY, MAIN, PICTURE, PICTURE_SIZE, POINTERS, SIZES, THUMBNAIL, Key

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
SMALL_PICTURE = b"\xff\xd8\xff\xe0" + b"thumb" * 10 + b"\xff\xd9"
STRIPS, STRIP_SIZES = 0x0111, 0x0117
SAMPLES = bytes(range(64)) * 3
"""Of 8 x 8 pixels."""
_NOTE = 0x927C
_NOTE_BYTES = 200

Piece = tuple[object, ...]
"""A table, `(directory,)`; a value, `(directory, tag)`; the small picture, `(PICTURE,)`; samples, `(STRIPS,)`; or bytes that no entry knows
of, `(bytes, number)`."""
Directories = Mapping[str, Sequence[tuple[int, int, bytes]]]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a writer lays out its values."""

    pieces: Sequence[Piece]
    note: str = "absolute"
    """What the places in the maker's note count from."""
    without_next: frozenset[str] = frozenset()
    """Directories without the place of the next one."""
    aligned: int = 2
    shared: Mapping[Piece, tuple[Piece, int]] = field(default_factory=dict)
    """Values that are in another piece, from a byte on."""
    unsorted: bool = False
    besides: Mapping[str, Sequence[tuple[int, int, int, bytes]]] = field(default_factory=dict)
    """Entries as they stand in a table: tag, type, count and four bytes."""


def directories(order: str, layout: Layout) -> dict[str, list[tuple[int, int, bytes]]]:
    """Tags, types and values. Pointers have no value yet."""

    def pair(*numbers: int) -> bytes:
        return struct.pack(f"{order}{len(numbers)}I", *numbers)

    def short(number: int) -> bytes:
        return struct.pack(f"{order}H", number)

    found = {
        MAIN: [
            (0x010E, ASCII, b"An old description\0"),
            (0x010F, ASCII, b"Canon or so\0"),
            (0x0112, SHORT, short(1)),
            (0x011A, RATIONAL, pair(72, 1)),
            (0x011B, RATIONAL, pair(72, 1)),
            (0x0131, ASCII, b"Firmware 1.0\0"),
            (0x0132, ASCII, b"2024:02:28 23:30:00\0"),
            (0x013B, ASCII, b"Somebody (C) 2020\0"),
            (0x8298, ASCII, b"(C) 2020\0"),
            (0x8769, LONG, b""),
            (0x8825, LONG, b""),
            (0xC4A5, UNDEFINED, b"PrintIM\x000300" + bytes(range(30))),
        ],
        EXIF: [
            (0x829A, RATIONAL, pair(1, 125)),
            (0x829D, RATIONAL, pair(28, 10)),
            (0x8827, SHORT, short(400)),
            (0x9000, UNDEFINED, b"0230"),
            (0x9003, ASCII, b"2024:02:28 23:30:00\0"),
            (0x9004, ASCII, b"2024:02:28 23:30:00\0"),
            (_NOTE, UNDEFINED, bytes(_NOTE_BYTES)),
            (0x9286, UNDEFINED, b"ASCII\0\0\0a comment"),
            (0x9291, ASCII, b"42\0"),
            (0xA005, LONG, b""),
            (0xA434, ASCII, b"A lens of 50 mm\0"),
        ],
        GPS: [
            (0, BYTE, bytes((2, 2, 0, 0))),
            (1, ASCII, b"N\0"),
            (2, RATIONAL, pair(48, 1, 51, 1, 3012, 100)),
            (3, ASCII, b"E\0"),
            (4, RATIONAL, pair(2, 1, 17, 1, 4056, 100)),
            (5, BYTE, b"\0"),
            (6, RATIONAL, pair(100, 1)),
            (17, RATIONAL, pair(27155, 100)),
            (29, ASCII, b"2024:02:28\0"),
        ],
        INTEROPERABILITY: [(1, ASCII, b"R98\0"), (2, UNDEFINED, b"0100"), (0x1000, ASCII, b"a format of its own\0")],
        THUMBNAIL: [
            (0x0103, SHORT, short(6)),
            (0x011A, RATIONAL, pair(96, 1)),
            (0x0132, ASCII, b"2024:02:28 23:30:01\0"),
            (PICTURE, LONG, b""),
            (PICTURE_SIZE, LONG, pair(len(SMALL_PICTURE))),
        ],
    }
    return {name: entries for name, entries in found.items() if (name,) in layout.pieces}


def of_a_tiff(order: str) -> list[tuple[int, int, bytes]]:
    """The entries that a TIFF file has besides: 8 x 8 pixels."""
    numbers = {0x0100: 8, 0x0101: 8, 0x0103: 1, 0x0106: 2, 0x0115: 3, 0x0116: 8}
    found = [(tag, SHORT, struct.pack(f"{order}H", number)) for tag, number in numbers.items()]
    found.append((0x0102, SHORT, struct.pack(f"{order}3H", 8, 8, 8)))
    return [*found, (STRIPS, LONG, b""), (STRIP_SIZES, LONG, struct.pack(f"{order}I", len(SAMPLES)))]


def write(order: str, layout: Layout, *, samples: bool = False) -> bytes:
    """A block in a byte order, `<` or `>`. With `samples` it is a TIFF file."""
    entries = directories(order, layout)
    if samples:
        entries[MAIN] = sorted([*entries[MAIN], *of_a_tiff(order)])
        layout = replace(layout, pieces=[*layout.pieces, (MAIN, 0x0102), (STRIPS,)])
    sizes = _sizes(entries, layout)
    places, at = {}, 8
    for piece in layout.pieces:
        at += -at % layout.aligned
        places[piece] = at
        at += sizes[piece]
    places |= {piece: places[home] + further for piece, (home, further) in layout.shared.items()}
    block = bytearray(at)
    block[:8] = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", places[MAIN,])
    for piece, place in places.items():
        content = _content(piece, place, entries, places, order, layout)
        block[place : place + len(content)] = content
    # Values inside of other pieces go over those.
    for piece in layout.shared:
        content = _content(piece, places[piece], entries, places, order, layout)
        block[places[piece] : places[piece] + len(content)] = content
    return bytes(block)


def unknown_bytes(layout: Layout, block: bytes) -> list[int]:
    """Where the bytes are that no entry knows of."""
    return [block.index(piece[0]) for piece in layout.pieces if isinstance(piece[0], bytes)]


def _sizes(entries: Directories, layout: Layout) -> dict[Piece, int]:
    sizes: dict[Piece, int] = {(PICTURE,): len(SMALL_PICTURE), (STRIPS,): len(SAMPLES)}
    for name, listed in entries.items():
        count = len(listed) + len(layout.besides.get(name, ()))
        sizes[name,] = 2 + 12 * count + (0 if name in layout.without_next else 4)
        sizes |= {(name, tag): len(value) for tag, _, value in listed}
    return sizes | {piece: len(piece[0]) for piece in layout.pieces if isinstance(piece[0], bytes)}


def _content(piece: Piece, place: int, entries: Directories, places: Mapping[Piece, int], order: str, layout: Layout) -> bytes:
    match piece:
        case (bytes() as content, _):
            return content
        case (int(),):
            return SMALL_PICTURE if piece[0] == PICTURE else SAMPLES
        case (str() as name, int() as tag):
            if tag == _NOTE:
                return _note(layout.note, order, place)
            return next(value for each, _, value in entries[name] if each == tag)
    name = str(piece[0])
    rows = [_row((name, tag), kind, value, places, order) for tag, kind, value in entries[name]]
    rows += [struct.pack(f"{order}HHI", tag, kind, count) + raw for tag, kind, count, raw in layout.besides.get(name, ())]
    rows.sort(key=lambda row: struct.unpack_from(f"{order}H", row), reverse=layout.unsorted)
    following = places[THUMBNAIL,] if name == MAIN and (THUMBNAIL,) in places else 0
    end = b"" if name in layout.without_next else struct.pack(f"{order}I", following)
    return struct.pack(f"{order}H", len(rows)) + b"".join(rows) + end


def _row(key: Key, kind: int, value: bytes, places: Mapping[Piece, int], order: str) -> bytes:
    tag = key[1]
    target: Piece | None = (POINTERS[tag],) if tag in POINTERS else (tag,) if tag in (PICTURE, STRIPS) else None
    if target is not None:
        return struct.pack(f"{order}HHII", tag, kind, 1, places[target])
    count = len(value) // SIZES[kind]
    content = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(f"{order}I", places[key])
    return struct.pack(f"{order}HHI", tag, kind, count) + content


def _note(kind: str, order: str, place: int) -> bytes:
    """A directory with a text, whose place counts from the block's start, from the note's, or from a header of its own."""
    starts = {"absolute": b"", "own": b"OLYMPUS\0" + {"<": b"II", ">": b"MM"}[order] + b"\3\0", "header": b"Nikon\0\2\x10\0\0"}
    start = starts[kind]
    base = place if kind == "absolute" else 0
    if kind == "header":
        start += {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
        base = -10
    text = b"A text of the maker, which is found by its place\0"
    table = struct.pack(f"{order}HHHII", 1, 0x0006, ASCII, len(text), base + len(start) + 18) + bytes(4)
    return (start + table + text).ljust(_NOTE_BYTES, b"\xa5")


def _whole(name: str, *values: int) -> list[Piece]:
    """A table, and its values behind it."""
    return [(name,), *((name, tag) for tag in values)]


_MAIN = (0x010E, 0x010F, 0x011A, 0x011B, 0x0131, 0x0132, 0x013B, 0x8298, 0xC4A5)
_EXIF = (0x829A, 0x829D, 0x9003, 0x9004, _NOTE, 0x9286, 0xA434)
_GPS = (2, 4, 6, 17, 29)
_THUMBNAIL: list[Piece] = [*_whole(THUMBNAIL, 0x011A, 0x0132), (PICTURE,)]
_INTEROPERABILITY = _whole(INTEROPERABILITY, 0x1000)
_USUAL: list[Piece] = [*_whole(MAIN, *_MAIN), *_whole(EXIF, *_EXIF), *_INTEROPERABILITY, *_whole(GPS, *_GPS), *_THUMBNAIL]
_INNER = frozenset((EXIF, GPS, INTEROPERABILITY))
_VALUES: list[Piece] = [*((MAIN, tag) for tag in _MAIN), *((EXIF, tag) for tag in _EXIF), *((GPS, tag) for tag in _GPS)]
_REST: list[Piece] = [(INTEROPERABILITY, 0x1000), (THUMBNAIL, 0x011A), (THUMBNAIL, 0x0132), (PICTURE,)]
_TABLES: list[Piece] = [(name,) for name in (MAIN, EXIF, GPS, INTEROPERABILITY, THUMBNAIL)]
_STRANGE = [(0xFD00, 0, 3, b"\1\2\3\4"), (0xFD01, 14, 9, b"\xff\xff\xff\x7f"), (0xFD02, 65535, 1, b"abcd"), (0xFD03, LONG, 0, b"\0\0\0\0")]
_OUTSIDE = [(0xFD04, ASCII, 99, b"\x40\x40\x40\x40"), (0xFD05, LONG, 1, b"\1\1\1\1"), (0xFD05, LONG, 1, b"\2\2\2\2")]


def _without(pieces: Sequence[Piece], *gone: Piece) -> list[Piece]:
    return [piece for piece in pieces if piece not in gone]


LAYOUTS: Mapping[str, Layout] = {
    "pillow": Layout(_USUAL),
    "piexif": Layout(
        [*_whole(MAIN, *_MAIN), *_whole(EXIF, *_EXIF), *_whole(GPS, *_GPS), *_INTEROPERABILITY, *_THUMBNAIL], without_next=_INNER, aligned=1
    ),
    "no next directory at all": Layout(_without(_USUAL, *_THUMBNAIL), without_next=_INNER | {MAIN}, aligned=1),
    "libexif, inner directories among the values": Layout(
        [*_USUAL[:8], *_whole(EXIF, *_EXIF), *_INTEROPERABILITY, *_whole(GPS, *_GPS), *_USUAL[8 : 1 + len(_MAIN)], *_THUMBNAIL]
    ),
    "exiftool, with room": Layout(
        [*_USUAL[:6], (b"\0padding of exiftool" + bytes(40), 1), *_USUAL[6:], (b"reserved" + bytes(57), 2)], aligned=4
    ),
    "values of the note behind it": Layout(
        [
            *_whole(MAIN, *_MAIN),
            *_whole(EXIF, *_EXIF[:5]),
            (b"a preview of the maker" * 9, 1),
            *_whole(EXIF, *_EXIF)[6:],
            *_INTEROPERABILITY,
            (b"another", 2),
            *_whole(GPS, *_GPS),
            *_THUMBNAIL,
            (b"a trailer of the maker" * 5, 3),
        ]
    ),
    "a note with a header": Layout(_USUAL, "header", aligned=4),
    "a note that counts from itself": Layout([*_without(_USUAL, (EXIF, _NOTE)), (EXIF, _NOTE)], "own", without_next=_INNER),
    "tables first": Layout([*_TABLES, *_VALUES, *_REST]),
    "tables last": Layout([*_VALUES, *_REST, *reversed(_TABLES)]),
    "the place first": Layout([*_whole(GPS, *_GPS), *_whole(EXIF, *_EXIF), *_INTEROPERABILITY, *_THUMBNAIL, *_whole(MAIN, *_MAIN)]),
    "odd places": Layout([(b"\x7f", 1), *_USUAL], aligned=1),
    "shared values": Layout(
        _without(_USUAL, (MAIN, 0x011B), (MAIN, 0x0132), (EXIF, 0x9004), (MAIN, 0x8298)),
        shared={
            (MAIN, 0x011B): ((MAIN, 0x011A), 0),
            (MAIN, 0x0132): ((EXIF, 0x9003), 0),
            (EXIF, 0x9004): ((EXIF, 0x9003), 0),
            (MAIN, 0x8298): ((MAIN, 0x013B), 9),
        },
    ),
    "values inside the note": Layout(
        _without(_USUAL, (MAIN, 0x013B), (GPS, 2), (PICTURE,)),
        shared={
            (MAIN, 0x013B): ((EXIF, _NOTE), 70),
            (GPS, 2): ((EXIF, _NOTE), 100),
            (PICTURE,): ((EXIF, _NOTE), 140),
        },
    ),
    "strange entries, unsorted": Layout(_USUAL, besides={name: [*_STRANGE, *_OUTSIDE] for name in (MAIN, EXIF, GPS)}, unsorted=True),
}
