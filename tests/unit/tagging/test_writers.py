"""Each change to Exif data of many writers, value by value: only what was asked for is different."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image as PillowImage

from services.inference.tagging.changes import Changes, Place, RemovedTags
from services.inference.tagging.edit import edit_tags
from services.pictures.media_format import MediaFormat
from tests.unit.tagging.exif_reader import EXIF, GPS, INTEROPERABILITY, MAIN, MAKER_NOTE, THUMBNAIL, Key, Read, Values, read
from tests.unit.tagging.pictures import opened, samples
from tests.unit.tagging.writers import ASCII, BYTE, LAYOUTS, RATIONAL, SAMPLES, UNDEFINED, Layout, of_a_tiff, unknown_bytes, write

FORMATS = (MediaFormat.JPEG, MediaFormat.WEBP, MediaFormat.PNG, MediaFormat.HEIC, MediaFormat.TIFF)
_ARTIST, _COPYRIGHT, _DESCRIPTION, _SOFTWARE = (MAIN, 0x013B), (MAIN, 0x8298), (MAIN, 0x010E), (MAIN, 0x0131)
_MODIFIED, _TAKEN, _DIGITISED = (MAIN, 0x0132), (EXIF, 0x9003), (EXIF, 0x9004)
_GONE: Values = ()
_Expected = Mapping[Key, tuple[int, bytes] | None]
"""Type and value, or None for a tag that goes. A tag of 0 stands for all of a directory."""


def _text(text: str) -> tuple[int, bytes]:
    return ASCII, text.encode() + b"\0"


def _place(order: str) -> _Expected:
    return {
        (GPS, 1): _text("N"),
        (GPS, 2): (RATIONAL, struct.pack(f"{order}6I", 40, 1, 30, 1, 0, 1_000_000)),
        (GPS, 3): _text("W"),
        (GPS, 4): (RATIONAL, struct.pack(f"{order}6I", 74, 1, 0, 1, 21_600_000, 1_000_000)),
    }


def _height(order: str) -> _Expected:
    return {**_place(order), (GPS, 5): (BYTE, b"\1"), (GPS, 6): (RATIONAL, struct.pack(f"{order}2I", 12500, 1000))}


def _removed(*names: str) -> Changes:
    return Changes(removed_tags=RemovedTags(names))


_DATE, _WRITTEN = "2026:01:31 12:00:00", _text("2026:01:31 12:00:00")
_LATER = _text("2024:02:29 01:00:00")
_EVERYTHING: _Expected = dict.fromkeys([(MAIN, 0), (EXIF, 0), (GPS, 0), (INTEROPERABILITY, 0)])
_CHANGES: Mapping[str, tuple[Changes, Any]] = {
    "title": (Changes(title="Título"), {_DESCRIPTION: _text("Título")}),
    "artist": (Changes(artist="Ana Müller"), {_ARTIST: _text("Ana Müller")}),
    "a long artist": (Changes(artist="A" * 3000), {_ARTIST: _text("A" * 3000)}),
    "a short artist": (Changes(artist="A"), {_ARTIST: _text("A")}),
    "copyright": (Changes(copyright="© 2026 by me"), {_COPYRIGHT: _text("© 2026 by me")}),
    "description": (Changes(description="Über das Meer"), {_DESCRIPTION: _text("Über das Meer")}),
    "software": (Changes(software="Darkroom"), {_SOFTWARE: _text("Darkroom")}),
    "modified_at": (Changes(modified_at=_DATE), {_MODIFIED: _WRITTEN}),
    "taken_at": (Changes(taken_at=_DATE), {_TAKEN: _WRITTEN}),
    "all_dates": (Changes(all_dates=_DATE), dict.fromkeys((_MODIFIED, _TAKEN, _DIGITISED), _WRITTEN)),
    "shift_dates_minutes": (Changes(shift_minutes=90), dict.fromkeys((_MODIFIED, _TAKEN, _DIGITISED), _LATER)),
    "place": (Changes(place=Place(40.5, -74.006)), _place),
    "place and altitude": (Changes(place=Place(40.5, -74.006, -12.5)), _height),
    "remove_location": (Changes(without_place=True), {(GPS, 0): None}),
    "object_name": (Changes(object_name="Objekt"), {}),
    "headline": (Changes(headline="Überschrift"), {}),
    "city": (Changes(city="Köln"), {}),
    "state": (Changes(state="NRW"), {}),
    "country": (Changes(country="Deutschland"), {}),
    "keywords": (Changes(keywords=("eins", "zwei")), {}),
    "replace_keywords": (Changes(keywords=("eins",), replace_keywords=True), {}),
    "remove Artist": (_removed("Artist"), {_ARTIST: None}),
    "remove Copyright": (_removed("EXIF:Copyright"), {_COPYRIGHT: None}),
    "remove MakerNotes": (_removed("MakerNotes"), {MAKER_NOTE: None}),
    "remove CreateDate": (_removed("CreateDate"), {_DIGITISED: None}),
    "remove dates": (_removed("ModifyDate", "ExposureTime"), {_MODIFIED: None, (EXIF, 0x829A): None}),
    "remove GPSAltitude": (_removed("GPSAltitude", "GPS:GPSLatitude"), {(GPS, 6): None, (GPS, 2): None}),
    "remove GPS:All": (_removed("GPS:All"), {(GPS, 0): None}),
    "remove ThumbnailImage": (_removed("ThumbnailImage"), {(THUMBNAIL, 0): None}),
    "remove IPTC:City": (_removed("IPTC:City", "XMP-dc:Subject"), {}),
    "remove IPTC:All": (_removed("IPTC:All", "XMP:All"), {}),
    "remove EXIF:All": (_removed("EXIF:All"), _EVERYTHING),
    "remove All": (_removed("All"), _EVERYTHING),
}
_STRUCTURE = {(MAIN, tag) for tag, _, _ in of_a_tiff("<")}


def _file(block: bytes, format_: MediaFormat) -> bytes:
    if format_ is MediaFormat.TIFF:
        return block
    buffer = io.BytesIO()
    image = PillowImage.fromarray(np.arange(24 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(24, 32, 3))
    if format_ is MediaFormat.HEIC:
        pillow_heif.from_pillow(image).save(buffer, quality=50, exif=b"Exif\0\0" + block)
    else:
        image.save(buffer, str(format_).upper(), exif=b"Exif\0\0" + block)
    return buffer.getvalue()


def _block(data: bytes, format_: MediaFormat) -> bytes:
    """As Pillow finds it; nothing for no block."""
    if format_ is MediaFormat.TIFF:
        return data
    with opened(data) as image:
        return bytes(image.info.get("exif") or b"").removeprefix(b"Exif\0\0")


def _expected(before: Read, wanted: _Expected, *, tiff: bool) -> dict[Key, Values]:
    found = dict(before.values)
    for key, value in wanted.items():
        directory, tag = key
        if value is not None:
            kind, content = value
            found[key] = ((kind, len(content) // {ASCII: 1, BYTE: 1, RATIONAL: 8, UNDEFINED: 1}[kind], content),)
        elif tag:
            found.pop(key, None)
        else:
            for each in [each for each in found if each[0] == directory and not (tiff and each in _STRUCTURE)]:
                del found[each]
    return found


def _check(layout: Layout, format_: MediaFormat, order: str, changes: Changes, wanted: _Expected) -> None:
    block = write(order, layout, samples=format_ is MediaFormat.TIFF)
    data = _file(block, format_)
    before = read(block)
    assert _block(data, format_) == block
    after_data = edit_tags(data, format_, changes)
    if format_ is MediaFormat.TIFF:
        place = int.from_bytes(before.values[MAIN, 0x0111][0][2], "little" if order == "<" else "big")
        assert after_data[place : place + len(SAMPLES)] == SAMPLES
    else:
        assert samples(after_data) == samples(data)
    block_after = _block(after_data, format_)
    if not block_after:
        assert wanted is _EVERYTHING
        return
    after = read(block_after)
    expected = _expected(before, wanted, tiff=format_ is MediaFormat.TIFF)
    # XMP and IPTC data of a TIFF file are entries.
    found = {key: value for key, value in after.values.items() if key not in ((MAIN, 0x02BC), (MAIN, 0x83BB)) or key in expected}
    assert found == expected
    # Makers' notes count places from wherever they like, and have values outside of themselves.
    if MAKER_NOTE in expected:
        assert after.places[MAKER_NOTE] == before.places[MAKER_NOTE]
    for place, piece in zip(unknown_bytes(layout, block), [each[0] for each in layout.pieces if isinstance(each[0], bytes)], strict=True):
        assert isinstance(piece, bytes) and block_after[place : place + len(piece)] == piece
    if layout.shared:
        return
    kept = [content for values in expected.values() for _, _, content in values]
    for key in before.values.keys() - expected.keys():
        for _, _, content in before.values[key]:
            assert len(content) <= 8 or any(content in each for each in kept) or content not in block_after, key


@pytest.mark.cases(6)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format_", FORMATS)
def test_only_what_was_asked_for_changes(format_: MediaFormat, layout: str) -> None:
    for name, (changes, wanted) in _CHANGES.items():
        for order in "<>":
            try:
                _check(LAYOUTS[layout], format_, order, changes, wanted(order) if callable(wanted) else wanted)
            except AssertionError as error:
                raise AssertionError(f"{name} in {order}: {error}") from error
