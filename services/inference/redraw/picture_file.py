"""Puts the pictures of redrawn pages into a PDF file one by one, so that only one is in memory at a time."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_START = re.compile(rb"startxref\s+(\d+)")
_TAIL = 1024


@dataclass(frozen=True, slots=True)
class Trailer:
    """The contents of a PDF's trailer."""

    size: int
    root: int
    """Object number of the catalog."""
    info: int
    """Object number of the information dictionary; 0 if there is none."""


def append_pictures(document: Path, pages: Path, places: Mapping[int, int], trailer: Trailer) -> None:
    """Add an incremental update (ISO 32000-2, 7.5.6) to a PDF with a cross-reference table: image XObjects that replace other objects.

    `places` gives the object number for each page number. `pages` holds `n.jpg` or `n.png`, and `n.json`, whose `shape` is height, width
    and channels. Compressed samples are copied unchanged. `trailer` is the document's.
    """
    with document.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        before = int(_START.findall(file.read())[-1])
        file.write(b"\n")
        offsets = {}
        for number, place in places.items():
            offsets[place] = file.tell()
            entries, data = _image(pages, number)
            file.write(b"%d 0 obj\n<</Type/XObject/Subtype/Image%s/Length %d>>\nstream\n" % (place, entries, len(data)))
            file.write(data)
            file.write(b"\nendstream\nendobj\n")
        table = file.tell()
        file.write(b"xref\n")
        for place, offset in sorted(offsets.items()):
            file.write(b"%d 1\n%010d 00000 n \n" % (place, offset))
        info = b"/Info %d 0 R" % trailer.info if trailer.info else b""
        entries = b"/Size %d/Root %d 0 R%s/Prev %d" % (trailer.size, trailer.root, info, before)
        file.write(b"trailer\n<<%s>>\nstartxref\n%d\n%%%%EOF\n" % (entries, table))


def _image(pages: Path, number: int) -> tuple[bytes, bytes]:
    """The entries of the image's dictionary, and its encoded samples."""
    height, width, bands = json.loads((pages / f"{number}.json").read_text(encoding="utf-8"))["shape"]
    space = b"/DeviceGray" if bands == 1 else b"/DeviceRGB"
    entries = b"/Width %d/Height %d/BitsPerComponent 8/ColorSpace%s" % (width, height, space)
    jpeg = pages / f"{number}.jpg"
    if jpeg.exists():
        return entries + b"/Filter/DCTDecode", jpeg.read_bytes()
    data = b"".join(content for name, content in _chunks((pages / f"{number}.png").read_bytes()) if name == b"IDAT")
    parameters = b"<</Predictor 15/Colors %d/BitsPerComponent 8/Columns %d>>" % (bands, width)
    return entries + b"/Filter/FlateDecode/DecodeParms" + parameters, data


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12
