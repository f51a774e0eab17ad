"""Metadata of files, changed, as independent readers find them."""

from __future__ import annotations

import dataclasses
import io
import struct

import pytest
from PIL import Image as PillowImage
from PIL import IptcImagePlugin

from services.inference.media.image import Limits
from services.inference.media.metadata_read import metadata_in
from services.inference.operations.inspect_metadata import all_metadata_in
from services.inference.tagging import iptc_edit
from services.inference.tagging.changes import Changes, Place, RemovedTags
from services.inference.tagging.edit import edit_tags, iptc_of
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError
from tests.unit.tagging.pictures import EXIF, FORMATS, GPS, MAKER_NOTE, WITH_EXIF, opened, packet, picture, samples, tags, vips_exif

_LIMITS = Limits(1.0)
_STRUCTURE = frozenset((*range(256, 260), 262, 273, 277, 278, 279, 284))
"""Tags that a TIFF file needs."""
_EVERYTHING = Changes(
    title="Título",
    artist="Ana Müller",
    copyright="© 2026",
    description="Über das Meer",
    software="Darkroom",
    all_dates="2026:01:31 12:00:00",
    place=Place(-33.8567844, 151.2152967, -12.5),
    object_name="Objekt",
    headline="Überschrift",
    city="Köln",
    state="NRW",
    country="Deutschland",
    keywords=("eins", "zwei", "eins"),
)


@pytest.mark.parametrize("tagged", [False, True], ids=["bare", "tagged"])
@pytest.mark.parametrize("format_", FORMATS)
def test_changes_keep_every_sample(format_: MediaFormat, tagged: bool) -> None:
    data = picture(format_, tagged=tagged)
    for changes in (_EVERYTHING, Changes(artist="x" * 5000), Changes(without_place=True, removed_tags=RemovedTags(["Artist", "XMP:All"]))):
        data_after = edit_tags(data, format_, changes)
        assert samples(data_after) == samples(data)
        data = data_after


@pytest.mark.parametrize("format_", FORMATS)
def test_no_changes_keep_every_byte(format_: MediaFormat) -> None:
    data = picture(format_, tagged=True)
    assert edit_tags(data, format_, Changes()) is data
    assert edit_tags(data, format_, Changes(removed_tags=RemovedTags(["Urgency", "Nothing"]))) == data


@pytest.mark.parametrize("format_", FORMATS)
def test_same_changes_again_change_nothing(format_: MediaFormat) -> None:
    once = edit_tags(picture(format_, tagged=True), format_, _EVERYTHING)
    assert edit_tags(once, format_, _EVERYTHING) == once


@pytest.mark.parametrize("tagged", [False, True], ids=["bare", "tagged"])
@pytest.mark.parametrize("format_", WITH_EXIF)
def test_exif_is_written(format_: MediaFormat, tagged: bool) -> None:
    data = edit_tags(picture(format_, tagged=tagged), format_, _EVERYTHING)
    found = {tag: str(value).encode("latin-1").decode() for tag, value in tags(data).items() if isinstance(value, str)}
    expected = {0x010E: "Über das Meer", 0x0131: "Darkroom", 0x0132: "2026:01:31 12:00:00", 0x013B: "Ana Müller", 0x8298: "© 2026"}
    assert expected.items() <= found.items()
    assert {0x9003: "2026:01:31 12:00:00", 0x9004: "2026:01:31 12:00:00"}.items() <= tags(data, EXIF).items()
    said = metadata_in(data, _LIMITS)
    assert said["gps"]["_latitude"] == pytest.approx(-33.8567844, abs=1e-9)
    assert said["gps"]["_longitude"] == pytest.approx(151.2152967, abs=1e-9)
    assert said["gps"]["_altitude"] == -12.5
    assert said["exif"]["Artist"] == "Ana Müller"
    assert said["xmp"]["dc:title"] == ["Título"]
    assert said["xmp"]["dc:subject"] == (["old", "eins", "zwei"] if tagged and format_ is not MediaFormat.PNG else ["eins", "zwei"])


@pytest.mark.parametrize("format_", WITH_EXIF)
def test_what_is_not_asked_for_stays(format_: MediaFormat) -> None:
    before = picture(format_, tagged=True)
    after = edit_tags(before, format_, _EVERYTHING)
    assert tags(after)[0x010F] == "Camera"
    assert tags(after, EXIF)[0x927C] == MAKER_NOTE
    if format_ is not MediaFormat.PNG:
        assert metadata_in(after, _LIMITS)["xmp"]["xmp:Rating"] == "4"
    # A maker's note counts its places from the start of the block, so it must not move.
    assert before.find(MAKER_NOTE) - _block(before) == after.find(MAKER_NOTE) - _block(after)


def _block(data: bytes) -> int:
    """Where the TIFF structure of the maker's note begins."""
    return max(data.rfind(mark, 0, data.find(MAKER_NOTE)) for mark in (b"II*\0", b"MM\0*"))


@pytest.mark.parametrize("format_", [MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.AVIF])
def test_libexif_reads_what_is_written(format_: MediaFormat) -> None:
    found = vips_exif(edit_tags(picture(format_, tagged=True), format_, _EVERYTHING))
    assert found["exif-ifd0-Software"].startswith("Darkroom ")
    assert found["exif-ifd2-DateTimeOriginal"].startswith("2026:01:31 12:00:00 ")
    assert found["exif-ifd3-GPSLatitudeRef"].startswith("S ")


@pytest.mark.parametrize("format_", [MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.TIFF])
def test_iptc_is_written(format_: MediaFormat) -> None:
    data = edit_tags(picture(format_), format_, _EVERYTHING)
    block = iptc_of(data, format_)
    assert block is not None
    expected = {"ObjectName": "Objekt", "Headline": "Überschrift", "City": "Köln", "Province-State": "NRW"}
    expected |= {"Country-PrimaryLocationName": "Deutschland"}
    assert iptc_edit.read_texts(block) == {**expected, "Keywords": ["eins", "zwei"]}
    if format_ is not MediaFormat.PNG:
        with opened(data) as image:
            read = IptcImagePlugin.getiptcinfo(image)
        assert read is not None
        assert (read[2, 25], read[2, 90]) == ([b"eins", b"zwei"], "Köln".encode())


@pytest.mark.parametrize("format_", [MediaFormat.WEBP, MediaFormat.GIF, MediaFormat.HEIC, MediaFormat.AVIF])
def test_formats_without_iptc_say_it_in_xmp(format_: MediaFormat) -> None:
    said = packet(edit_tags(picture(format_), format_, dataclasses.replace(_EVERYTHING, title="")))
    for text in ("Objekt", "Überschrift", "Köln", "NRW", "Deutschland"):
        assert f">{text}<" in said


@pytest.mark.parametrize("format_", [MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.TIFF])
def test_inspection_tells_iptc(format_: MediaFormat) -> None:
    said = all_metadata_in(edit_tags(picture(format_), format_, _EVERYTHING), _LIMITS)
    assert said["iptc"]["City"] == "Köln"
    assert said["iptc"]["Keywords"] == ["eins", "zwei"]
    assert "iptc" not in all_metadata_in(picture(format_), _LIMITS)


def test_gif_says_all_in_xmp() -> None:
    data = edit_tags(picture(MediaFormat.GIF), MediaFormat.GIF, _EVERYTHING)
    with opened(data) as image:
        assert (image.info["loop"], image.info["duration"]) == (3, 70)
    for text in ("Ana Müller", "© 2026", "Darkroom", "2026-01-31T12:00:00", "33,51.407064S", "151,12.917802E", "12500/1000"):
        assert f">{text}<" in packet(data)
    later = edit_tags(data, MediaFormat.GIF, Changes(shift_minutes=-721, removed_tags=RemovedTags(["Subject"])))
    assert ">2026-01-30T23:59:00<" in packet(later)
    assert "eins" not in packet(later)


@pytest.mark.parametrize("format_", WITH_EXIF)
def test_place_is_gone_from_every_byte(format_: MediaFormat) -> None:
    place = Place(47.1234567, 8.7654321, 321.5)
    data = edit_tags(picture(format_, tagged=True), format_, Changes(place=place))
    gone = edit_tags(data, format_, Changes(place=place, without_place=True))
    assert tags(gone, GPS) == {}
    assert "gps" not in metadata_in(gone, _LIMITS)
    for order in "<>":
        assert struct.pack(f"{order}6I", 47, 1, 7, 1, 24_444_120, 1_000_000) not in gone
    assert b"GPSLatitude" not in gone


@pytest.mark.parametrize("format_", WITH_EXIF)
def test_dates_are_shifted_over_midnight_and_leap_days(format_: MediaFormat) -> None:
    data = edit_tags(picture(format_, tagged=True), format_, Changes(shift_minutes=150))
    assert tags(data)[0x0132] == "2024:02:29 02:00:00"
    assert tags(data, EXIF)[0x9003] == "2024:02:29 02:00:00"
    assert tags(data, EXIF)[0x9004] == "2025:01:01 00:30:00"


@pytest.mark.parametrize(
    ("name", "tag", "directory"),
    [
        ("Make", 0x010F, 0),
        ("exif:artist", 0x013B, 0),
        ("ModifyDate", 0x0132, 0),
        ("CreateDate", 0x9004, EXIF),
        ("MakerNotes", 0x927C, EXIF),
    ],
)
@pytest.mark.parametrize("format_", WITH_EXIF)
def test_tags_are_removed_by_name(format_: MediaFormat, name: str, tag: int, directory: int) -> None:
    before = picture(format_, tagged=True)
    after = edit_tags(before, format_, Changes(removed_tags=RemovedTags([name])))
    assert tag in tags(before, directory)
    assert tag not in tags(after, directory)
    assert len(tags(after, EXIF)) == len(tags(before, EXIF)) - (directory == EXIF)


@pytest.mark.parametrize("format_", [MediaFormat.JPEG, MediaFormat.TIFF])
def test_tags_of_other_groups_are_removed_by_name(format_: MediaFormat) -> None:
    data = edit_tags(picture(format_), format_, _EVERYTHING)
    after = edit_tags(data, format_, Changes(removed_tags=RemovedTags(["IPTC:City", "XMP-dc:Subject", "GPSAltitude", "xmp:City"])))
    block = iptc_of(after, format_)
    assert block is not None
    assert {"City", "Headline"} & iptc_edit.read_texts(block).keys() == {"Headline"}
    assert "dc:subject" not in metadata_in(after, _LIMITS)["xmp"]
    assert metadata_in(after, _LIMITS)["gps"].keys() >= {"GPSLatitude", "_latitude"}
    assert not metadata_in(after, _LIMITS)["gps"].keys() & {"GPSAltitude", "_altitude"}


@pytest.mark.parametrize("format_", WITH_EXIF)
def test_all_of_a_group_is_removed(format_: MediaFormat) -> None:
    data = edit_tags(picture(format_, tagged=True), format_, _EVERYTHING)
    after = edit_tags(data, format_, Changes(removed_tags=RemovedTags(["All"])))
    assert not tags(after).keys() - _STRUCTURE
    assert iptc_of(after, format_) is None
    for secret in ("Ana Müller".encode(), b"Camera", b"eins", MAKER_NOTE):
        assert secret not in after


def test_keywords_are_added_or_set() -> None:
    data = edit_tags(picture(MediaFormat.JPEG, tagged=True), MediaFormat.JPEG, Changes(keywords=("one",)))
    data = edit_tags(data, MediaFormat.JPEG, Changes(keywords=("one", "two")))
    assert _keywords(data) == (["one", "two"], ["old", "one", "two"])
    data = edit_tags(data, MediaFormat.JPEG, Changes(keywords=("three",), replace_keywords=True))
    assert _keywords(data) == (["three"], ["three"])


def _keywords(data: bytes) -> tuple[object, object]:
    block = iptc_of(data, MediaFormat.JPEG)
    assert block is not None
    return iptc_edit.read_texts(block)["Keywords"], metadata_in(data, _LIMITS)["xmp"]["dc:subject"]


def test_iptc_in_latin_1_becomes_utf_8() -> None:
    old = b"\x1c\x02\x50\x00\x06M\xfcller" + b"\x1c\x02\x00\x00\x02\x00\x02"
    said = iptc_edit.read_texts(iptc_edit.edit_iptc(old, Changes(city="Łódź")) or b"")
    assert said == {"By-line": "Müller", "City": "Łódź"}


def test_long_texts_are_too_much_for_jpeg() -> None:
    with pytest.raises(DarkroomError, match="more metadata than JPEG can store"):
        edit_tags(
            picture(MediaFormat.JPEG), MediaFormat.JPEG, Changes(title="ä" * 10_000, description="ä" * 30_000, copyright="ä" * 10_000)
        )


def test_formats_that_are_not_written_say_so() -> None:
    with pytest.raises(DarkroomError, match="Metadata of bmp pictures cannot be changed"):
        edit_tags(b"BM", MediaFormat.BMP, Changes(artist="x"))


def test_pictures_after_the_first_are_found() -> None:
    buffer = io.BytesIO()
    second = PillowImage.new("RGB", (40, 30), (250, 0, 0))
    PillowImage.new("RGB", (80, 60), (0, 0, 250)).save(buffer, "MPO", save_all=True, append_images=[second])
    data = edit_tags(buffer.getvalue(), MediaFormat.JPEG, _EVERYTHING)
    with opened(data) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        image.seek(1)
        assert image.convert("RGB").resize((1, 1)).getpixel((0, 0)) == pytest.approx((250, 0, 0), abs=3)


@pytest.mark.parametrize("format_", WITH_EXIF)
def test_many_changes_do_not_grow_a_file_without_end(format_: MediaFormat) -> None:
    data = edit_tags(picture(format_, tagged=True), format_, Changes(artist="artist 0 of all"))
    grown = edit_tags(data, format_, Changes(artist="artist 1 of all"))
    sizes = set()
    for number in range(30):
        grown = edit_tags(grown, format_, Changes(artist=f"artist {number % 10} of all", modified_at="2026:01:31 12:00:00"))
        sizes.add(len(grown))
    if format_ not in (MediaFormat.HEIC, MediaFormat.AVIF):
        assert len(sizes) == 1


def test_animated_gif_keeps_its_extensions_first() -> None:
    data = edit_tags(picture(MediaFormat.GIF), MediaFormat.GIF, Changes(title="x"))
    assert data.find(b"NETSCAPE2.0") < data.find(b"XMP DataXMP")
    assert data.startswith(b"GIF89a")


def _without_next_pointers() -> bytes:
    """Exif data as piexif writes them: the values of an inner directory begin where others say which one is next."""
    rational, ascii_, long = 5, 2, 4
    inner: dict[int, dict[int, tuple[int, bytes]]] = {
        EXIF: {
            0x829A: (rational, struct.pack("<2I", 1, 125)),
            0x9003: (ascii_, b"2024:01:01 10:00:00\0"),
            0x920A: (rational, struct.pack("<2I", 50, 1)),
        },
        GPS: {
            1: (ascii_, b"N\0"),
            2: (rational, struct.pack("<6I", 48, 1, 51, 1, 30, 1)),
            3: (ascii_, b"E\0"),
            4: (rational, struct.pack("<6I", 2, 1, 17, 1, 40, 1)),
            5: (1, b"\0"),
            6: (rational, struct.pack("<2I", 100, 1)),
        },
    }
    sizes = {rational: 8, ascii_: 1, 1: 1}
    at = 8 + 2 + 12 * len(inner) + 4
    first, rest = struct.pack("<H", len(inner)), b""
    for pointer, entries in inner.items():
        first += struct.pack("<HHII", pointer, long, 1, at)
        table, values = struct.pack("<H", len(entries)), b""
        for tag, (kind, content) in entries.items():
            place = struct.pack("<I", at + 2 + 12 * len(entries) + len(values))
            table += struct.pack("<HHI", tag, kind, len(content) // sizes[kind]) + (content.ljust(4, b"\0") if len(content) <= 4 else place)
            values += content if len(content) > 4 else b""
        rest += table + values
        at += len(table + values)
    return b"II*\0" + struct.pack("<I", 8) + first + bytes(4) + rest


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_neighbours_stay_where_a_directory_does_not_say_which_is_next(format_: str) -> None:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (8, 8)).save(buffer, format_, exif=b"Exif\0\0" + _without_next_pointers())
    data = buffer.getvalue()
    before = {directory: tags(data, directory) for directory in (EXIF, GPS)}
    assert before[EXIF] == {0x829A: 0.008, 0x9003: "2024:01:01 10:00:00", 0x920A: 50.0}
    kind = MediaFormat(format_.lower())
    placed = edit_tags(data, kind, Changes(place=Place(40.5, -74.006, None)))
    assert tags(placed, EXIF) == before[EXIF]
    assert tags(placed, GPS) == {0: b"\2\3\0\0", 1: "N", 2: (40.0, 30.0, 0.0), 3: "W", 4: (74.0, 0.0, 21.6), 5: b"\0", 6: 100.0}
    dated = edit_tags(data, kind, Changes(taken_at="2026:01:31 12:00:00"))
    assert tags(dated, EXIF) == before[EXIF] | {0x9000: b"0232", 0x9003: "2026:01:31 12:00:00"}
    again = edit_tags(data, kind, Changes(shift_minutes=60))
    assert tags(again, EXIF) == before[EXIF] | {0x9000: b"0232", 0x9003: "2024:01:01 11:00:00"}
    assert tags(dated, GPS) == tags(again, GPS) == before[GPS]
    without = edit_tags(data, kind, Changes(removed_tags=RemovedTags(["DateTimeOriginal"])))
    assert tags(without, EXIF) == {0x829A: 0.008, 0x920A: 50.0}
    assert tags(without, GPS) == before[GPS]
    assert tags(edit_tags(data, kind, Changes(without_place=True)), EXIF) == before[EXIF]
