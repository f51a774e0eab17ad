"""Metadata that are damaged, or made to do harm."""

from __future__ import annotations

import random
import struct

import pytest

from services.inference.tagging.changes import Changes, Place, RemovedTags
from services.inference.tagging.edit import edit_tags
from services.inference.tagging.tiff_edit import Tiff
from services.inference.tagging.tiff_structure import DamagedTiffError, Value
from services.inference.tagging.xmp_edit import edit_xmp as xmp_edited
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError
from tests.unit.tagging.pictures import FORMATS, picture, samples

_CHANGES = (
    Changes(title="t", artist="a" * 100, all_dates="2026:01:31 12:00:00", place=Place(1, 2, 3), keywords=("k",), city="c"),
    Changes(without_place=True, shift_minutes=60, removed_tags=RemovedTags(["Artist", "MakerNotes", "Subject", "ThumbnailImage"])),
    Changes(removed_tags=RemovedTags(["All"])),
)


@pytest.mark.cases(3)
@pytest.mark.parametrize("format_", FORMATS)
def test_damaged_files_are_refused_or_kept(format_: MediaFormat) -> None:
    """Whatever byte is wrong, and wherever the file ends: an error for users, or a file."""
    whole = picture(format_, tagged=True)
    dice = random.Random(7)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(12, min(len(data), 3000))] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
        if dice.random() < 0.3:
            del data[dice.randrange(12, len(data)) :]
        for changes in _CHANGES:
            try:
                assert edit_tags(bytes(data), format_, changes)
            except DarkroomError as error:
                assert error.reason


def test_directories_in_circles_end() -> None:
    circle = b"II*\0\x08\0\0\0" + struct.pack("<H", 2)
    circle += struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8) + struct.pack("<I", 8)
    tiff = Tiff(circle)
    assert tiff.value(0x9003, 0x8769) is None
    tiff.change({0x9003: None}, 0x8769)


@pytest.mark.parametrize("content", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"XX*\0\x08\0\0\0\0\0", b"II*\0\x08\0\0\0\xff\xff" + bytes(50)])
def test_structures_that_cannot_be_followed_are_named(content: bytes) -> None:
    with pytest.raises(DamagedTiffError):
        Tiff(content)


def test_huge_counts_are_no_values() -> None:
    tiff = Tiff(b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x013B, 2, 0xFFFFFFFF, 8) + bytes(4))
    assert tiff.value(0x013B) is None


def test_samples_of_a_tiff_are_never_overwritten() -> None:
    """A tag that claims its value to be among the samples is removed, and they stay."""
    data = bytearray(picture(MediaFormat.TIFF))
    kept = samples(bytes(data))
    tiff = Tiff(bytes(data))
    place = tiff.value(0x0111)
    assert place is not None
    first = struct.unpack("<I", place.content[:4])[0]
    grown = Tiff(bytes(data))
    grown.change({0x013B: Value(2, b"abcdefgh")})
    hostile = bytearray(grown.content)
    at = hostile.rfind(struct.pack("<HHI", 0x013B, 2, 8))
    hostile[at + 8 : at + 12] = struct.pack("<I", first)
    for changes in (Changes(removed_tags=RemovedTags(["Artist"])), Changes(artist="x")):
        assert samples(edit_tags(bytes(hostile), MediaFormat.TIFF, changes)) == kept


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        b"<x:xmpmeta",
        b"<a/>",
        "<a>é</a>".encode("utf-16"),
        b"<" + b"a><" * 10_000,
        b'<?xml version="1.0" encoding="none"?><a/>',
    ],
)
def test_packets_that_are_no_xmp_are_named(packet: bytes) -> None:
    with pytest.raises(DarkroomError, match="XMP data of the picture is damaged"):
        xmp_edited(packet, Changes(title="x"), has_exif=True, has_iptc=True)


def test_text_that_xml_has_no_place_for_is_left_out() -> None:
    packet = xmp_edited(None, Changes(title="a\0\x01<b>&\ud800\U0001f600"), has_exif=True, has_iptc=True)
    assert packet is not None
    assert "a&lt;b&gt;&amp;\U0001f600" in packet.decode()
