"""JPEG files written again without coding their samples again: what stays, what goes, and which files are left to be decoded."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_JPEG, PICTURE_FORMAT_KEPT, PICTURE_FORMAT_PNG, Convert
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.lossless.asked import Rewriting, rewriting_of
from services.inference.lossless.jpeg_rewrite import rewrite_jpeg
from services.inference.lossless.rewriting import Rewritten
from services.inference.lossless.turn import Turn
from services.inference.media import Limits, decode
from services.inference.media.notes import NO_END
from services.pictures.media_format import MediaFormat
from tests.unit.imaging.pictures import photo, written
from tests.unit.inference.lossless.jpegs import decoded, jpeg, opened

LAST = b"\xff\xda" + jpeg((64, 64), progressive=True).rsplit(b"\xff\xda", 1)[1]
STRIP = Rewriting(strip_metadata=True)
_LIMITS = Limits(1)
_XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6" exif:GPSLatitude="40,30N" dc:title="Boat"/></x:xmpmeta>'
_IPTC = b"8BIM\x04\x04\0\0\0\0\0\x0b\x1c\x02\x05\0\6Sunset\0" + b"8BIM\x04\x0c\0\0\0\0\0\4thum"


def picture(orientation: int = 1, **more: Any) -> bytes:
    """A photograph of 160 x 128 with metadata of all kinds, and with pictures behind its end and within its Exif data."""
    exif = PillowImage.Exif()
    exif[0x010F], exif[0x0112], exif[0x011A], exif[0x011B], exif[0x0128] = "Maker", orientation, 300.0, 300.0, 2
    exif.get_ifd(0x8769).update({0xA002: 160, 0xA003: 128, 0x9003: "2026:11:29 10:00:00"})
    exif.get_ifd(0x8825).update({1: "N", 2: (40.0, 30.0, 0.0)})
    content = written(photo(128, 160), "JPEG", **{"exif": exif, "quality": 90, "xmp": _XMP, "comment": b"Seen", **more})
    photoshop = b"\xff\xed" + struct.pack(">H", 2 + 14 + len(_IPTC)) + b"Photoshop 3.0\0" + _IPTC
    return content[:2] + photoshop + content[2:] + written(photo(16, 16), "JPEG", comment=b"Behind")


def done(content: bytes, asked: Rewriting) -> Rewritten:
    made = rewrite_jpeg(content, asked, _LIMITS)
    assert made is not None
    assert (made.width, made.height) == opened(made.content).size
    return made


def scans(content: bytes) -> bytes:
    return content[content.index(b"\xff\xda") : content.index(b"\xff\xd9") + 2]


def test_stripping_leaves_the_coded_samples_alone() -> None:
    content = picture()
    made = done(content, STRIP).content
    assert scans(made) == scans(content) and made.endswith(scans(content))
    assert (decoded(made) == decoded(content)).all()
    for gone in (b"Maker", b"Boat", b"Sunset", b"Seen", b"Behind", b"thum", b"Exif", b"2026"):
        assert gone in content and gone not in made
    assert opened(made).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
    # The resolution stays, which only Exif data said.
    assert opened(made).info["dpi"] == (300, 300)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_file_becomes_upright(orientation: int) -> None:
    content = picture(orientation)
    expected = decode(content, _LIMITS).pixels.astype(np.int16)
    for asked in (STRIP, Rewriting()):
        made = done(content, asked)
        assert np.abs(decoded(made.content) - expected).max() <= 8
        assert opened(made.content).getexif().get(0x0112, 1) == 1
    found = opened(made.content).getexif()
    assert found[0x010F] == "Maker" and found.get_ifd(0x8825)[2] == (40.0, 30.0, 0.0)
    assert (found.get_ifd(0x8769)[0xA002], found.get_ifd(0x8769)[0xA003]) == (made.width, made.height)
    assert b'tiff:Orientation="1"' in made.content and b"Sunset" in made.content and b"thum" not in made.content


def test_only_what_is_asked_goes() -> None:
    content = picture()
    for asked, gone in (
        (Rewriting(strip_exif=True), [b"Maker"]),
        (Rewriting(strip_xmp=True), [b"Boat", b"GPSLatitude"]),
        (Rewriting(strip_location=True), [b"GPSLatitude"]),
    ):
        made = done(content, asked).content
        for name in (b"Maker", b"Boat", b"Sunset", b"GPSLatitude"):
            assert (name in made) == (name not in gone)
        assert scans(made) == scans(content)
    assert not opened(done(content, Rewriting(strip_location=True)).content).getexif().get_ifd(0x8825)


def test_a_thumbnail_of_the_picture_before_goes() -> None:
    small = PillowImage.fromarray(photo(64, 96))
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\x0e\0\2\x02\1\0\4\0\0\0\1\0\0\0\x2c\x02\2\0\4\0\0\0\1\0\0\0\5\0\0\0\0THUMB"
    content = written(small, "JPEG", exif=exif)
    assert b"THUMB" in content and b"THUMB" not in done(content, Rewriting(turn=Turn(left_right=True))).content


def test_profiles_stay_unless_asked_and_no_colour_is_changed() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = done(picture(6, icc_profile=srgb), STRIP).content
    assert opened(made).info["icc_profile"] == srgb
    made = done(picture(6, icc_profile=srgb), Rewriting(strip_metadata=True, strip_profile=True)).content
    assert "icc_profile" not in opened(made).info
    # Other primaries: red and green are swapped.
    other = srgb.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    assert opened(done(picture(icc_profile=other), STRIP).content).info["icc_profile"] == other
    assert rewrite_jpeg(picture(icc_profile=other), Rewriting(strip_profile=True), _LIMITS) is None


def test_a_file_in_rgb_stays_one() -> None:
    content = written(photo(64, 64), "JPEG", keep_rgb=True, quality=95)
    made = done(content, Rewriting(turn=Turn(top_bottom=True), strip_metadata=True)).content
    assert np.abs(decoded(made) - decoded(content)[::-1]).max() <= 4


def test_headers_that_contradict_each_other_are_understood_as_before() -> None:
    """A JFIF header counts more than Adobe's, and a resolution of nothing is no reason to lose it."""
    content = jpeg((64, 64))
    assert content[6:11] == b"JFIF\0"
    adobe = b"\xff\xee\0\x0eAdobe\0\x64" + bytes(5)
    for density in (content[14:18], bytes(4)):
        both = content[:14] + density + content[18:20] + adobe + content[20:]
        for asked in (STRIP, Rewriting(turn=Turn(top_bottom=True))):
            made = done(both, asked).content
            expected = decoded(both)[:: -1 if asked.turn.top_bottom else 1]
            assert np.abs(decoded(made) - expected).max() <= 8 and (asked is not STRIP or (decoded(made) == expected).all())


def test_progressive_files_stay_so_unless_another_kind_is_asked_for() -> None:
    content = jpeg((64, 64), progressive=True)
    assert opened(done(content, STRIP).content).info["progressive"] and done(content, Rewriting(progressive=True))
    assert rewrite_jpeg(content, Rewriting(progressive=False), _LIMITS) is None


def test_a_missing_end_is_added_with_a_note() -> None:
    content = jpeg((64, 64))
    made = done(content[:-2], STRIP)
    assert made.notes == (NO_END,) and made.content.endswith(b"\xff\xd9") and (decoded(made.content) == decoded(content)).all()


def edited(content: bytes, at: bytes, offset: int, value: int) -> bytes:
    place = content.index(at) + offset
    return content[:place] + bytes((value,)) + content[place + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        jpeg((64, 64))[:-200],
        jpeg((64, 64), progressive=True)[:-300],
        jpeg((64, 64))[:300],
        b"",
        b"\xff\xd8\xff\xe0",
        written(PillowImage.fromarray(photo(64, 64)).convert("CMYK"), "JPEG"),
        edited(jpeg((64, 64)), b"\xff\xc0", 4, 12),
        edited(jpeg((64, 64)), b"\xff\xc0", 1, 0xC9),
        edited(jpeg((64, 64)), b"\xff\xc0", 14, 0x31),
        b"\xff\xdb\x00\x43\x00".join((jpeg((64, 64), progressive=True).rsplit(b"\xff\xda", 1)[0], bytes(range(1, 65)) + LAST)),
        written(photo(64, 64), "PNG"),
    ],
    ids=["cut off", "a scan lacks", "header cut off", "empty", "no frame", "CMYK", "12 bits", "arithmetic", "uneven", "other table", "PNG"],
)
def test_damaged_and_rare_files_are_left_to_be_decoded(content: bytes) -> None:
    assert rewrite_jpeg(content, STRIP, _LIMITS) is None
    assert rewrite_jpeg(content, Rewriting(turn=Turn(transposed=True)), _LIMITS) is None


def test_a_turn_that_does_not_fit_is_left_to_be_decoded() -> None:
    content = jpeg((100, 75))
    assert rewrite_jpeg(content, Rewriting(turn=Turn.of(90, left_right=False, top_bottom=False)), _LIMITS) is None
    assert rewrite_jpeg(content, STRIP, _LIMITS) is not None
    assert rewrite_jpeg(jpeg((1200, 1000)), STRIP, _LIMITS) is None


def test_which_operations_ask_for_no_coding() -> None:
    turn = Turn.of(90, left_right=True, top_bottom=False)
    assert rewriting_of([Rotate(angle=450, mirror_horizontally=True)], MediaFormat.JPEG) == Rewriting(turn=turn, turns=1)
    assert rewriting_of([Rotate(angle=-270), Convert(strip_metadata=True)], MediaFormat.JPEG) == Rewriting(
        turn=Turn.of(90, left_right=False, top_bottom=False), turns=1, strip_metadata=True
    )
    assert rewriting_of([Convert(format=PICTURE_FORMAT_KEPT, strip_exif=True), Convert(strip_xmp=True)], MediaFormat.JPEG) == Rewriting(
        strip_exif=True, strip_xmp=True
    )
    assert rewriting_of([Convert(quality=90, progressive=False, keep_coding=True)], MediaFormat.JPEG) == Rewriting()
    assert rewriting_of([Convert(format=PICTURE_FORMAT_JPEG)], MediaFormat.JPEG) == Rewriting()
    assert rewriting_of([Convert(color_space=1, progressive=True)], MediaFormat.JPEG) == Rewriting(strip_profile=True, progressive=True)
    for others in (
        [],
        [Rotate()],
        [Rotate(), Convert(strip_metadata=True)],
        [Rotate(angle=5)],
        [Rotate(angle=90), Resize(width=5)],
        [Convert(quality=90)],
        [Convert(format=PICTURE_FORMAT_JPEG, quality=85)],
        [Convert(format=PICTURE_FORMAT_PNG)],
        [Convert(dpi=300)],
        [Convert(max_bytes=1000)],
        [Convert(color_space=2, format=PICTURE_FORMAT_KEPT)],
        [Convert(lossless=False)],
    ):
        assert rewriting_of(others, MediaFormat.JPEG) is None
    assert rewriting_of([Convert(strip_xmp=True, quality=0)], MediaFormat.WEBP) == Rewriting(strip_xmp=True)
    assert rewriting_of([Convert(webp_quality=5, keep_coding=True)], MediaFormat.WEBP) == Rewriting()
    for asked in (Convert(format=PICTURE_FORMAT_JPEG), Convert(webp_quality=5), Convert(lossless=True), Rotate(angle=90)):
        assert rewriting_of([asked], MediaFormat.WEBP) is None
    assert rewriting_of([Convert(strip_xmp=True)], MediaFormat.PNG) is None
