"""What is told of the metadata in a picture file."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from services.inference.media import Image, Limits, Metadata, Saving, encode
from services.inference.media.metadata_read import metadata_in
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import gray_profile, heic, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import Running

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4"><dc:format>image/jpeg &amp; more</dc:format><dc:creator><rdf:Seq>'
    b"<rdf:li>Ada</rdf:li><rdf:li>Grace</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def block(*, south: bool = False, below: bool = False) -> bytes:
    made = PillowImage.Exif()
    made[0x010F] = "Darkroom"
    made[0x0112] = 6
    made.get_ifd(0x8769).update({0x829A: IFDRational(1, 200), 0x8827: 400, 0x9000: b"0232", 0x9286: b"ASCII\0\0\0hello"})
    made.get_ifd(0x8825).update(
        {
            1: "S" if south else "N",
            2: (IFDRational(52), IFDRational(30), IFDRational(36)),
            3: "W" if south else "E",
            4: (IFDRational(13), IFDRational(24), IFDRational(0)),
            5: b"\x01" if below else b"\x00",
            6: IFDRational(345, 10),
        }
    )
    return made.tobytes()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIC"])
async def test_all_sections_of_every_format(format_: str, running: Running) -> None:
    if format_ == "HEIC":
        content = heic(photo(), exif=block(), xmp=XMP)
    elif format_ == "PNG":
        whole = Image(photo(), icc=wide_gamut_profile(), metadata=Metadata(exif=block(), xmp=XMP))
        content = encode(whole)
    else:
        content = written(photo(), format_, exif=block(), xmp=XMP, icc_profile=wide_gamut_profile())
    made = await running.product(content, {"inspect_metadata": {}}, name="photo.jpg")
    assert (made.name, made.media_type, made.info) == ("photo-metadata.json", "application/json", None)
    assert isinstance(made.content, bytes)
    found: dict[str, Any] = json.loads(made.content)
    exif = found["exif"]
    assert (exif["Make"], exif["ExposureTime"], exif["ISOSpeedRatings"], exif["ExifVersion"]) == ("Darkroom", 0.005, 400, "0232")
    assert exif["UserComment"] == "hello"
    gps = found["gps"]
    assert (gps["_latitude"], gps["_longitude"], gps["_altitude"]) == (pytest.approx(52.51), pytest.approx(13.4), 34.5)
    assert (gps["GPSLatitudeRef"], gps["GPSLatitude"]) == ("N", [52, 30, 36])
    assert found["xmp"] == {"xmp:Rating": "4", "dc:format": "image/jpeg & more", "dc:creator": ["Ada", "Grace"]}
    if format_ != "HEIC":
        icc = found["icc"]
        assert (icc["colorSpace"], icc["connectionSpace"], icc["deviceClass"]) == ("RGB", "XYZ", "display")
        assert "P3" in icc["description"]


def test_south_west_and_below_the_sea_are_negative() -> None:
    found = metadata_in(written(photo(), "JPEG", exif=block(south=True, below=True)), Limits())
    assert found["gps"]["_latitude"] == pytest.approx(-52.51)
    assert found["gps"]["_longitude"] == pytest.approx(-13.4)
    assert found["gps"]["_altitude"] == -34.5


@pytest.mark.parametrize("format_", ["PNG", "GIF", "BMP", "HEIC"])
def test_what_is_not_there_is_absent(format_: str) -> None:
    content = heic(photo()) if format_ == "HEIC" else written(photo(), format_)
    found = metadata_in(content, Limits())
    assert set(found) <= {"icc"}
    if format_ != "HEIC":
        assert found == {}


def test_a_profile_of_version_2_is_described() -> None:
    found = metadata_in(written(photo()[..., 0], "PNG", icc_profile=gray_profile()), Limits())["icc"]
    assert (found["version"], found["colorSpace"], found["description"]) == ("2.1", "GRAY", "test")


def test_values_that_say_nothing_are_left_out() -> None:
    made = PillowImage.Exif()
    made[0x010F] = "  \0"
    made.get_ifd(0x8769).update({0x829A: IFDRational(0, 0), 0x9286: bytes(40)})
    made.get_ifd(0x8825).update({2: (IFDRational(1, 0), IFDRational(0), IFDRational(0))})
    found = metadata_in(written(photo(), "JPEG", exif=made.tobytes()), Limits())
    assert "exif" not in found
    assert "_latitude" not in found.get("gps", {})
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("profile", [b"short", bytes(132), bytes(128) + struct.pack(">I", 2**32 - 1) + b"desc" * 90])
def test_hostile_profiles_are_survived(profile: bytes) -> None:
    json.dumps(metadata_in(written(photo(), "JPEG", icc_profile=profile), Limits()), allow_nan=False)


def test_hostile_packets_are_survived() -> None:
    packet = b"<a:b><rdf:Bag>" * 20_000
    content = encode(Image(photo(), metadata=Metadata(exif=b"Exif\0\0II*\0\xff\xff\xff\xff", xmp=packet)), Saving(MediaFormat.PNG))
    json.dumps(metadata_in(content, Limits()), allow_nan=False)


async def test_what_is_no_picture_is_refused(running: Running) -> None:
    for content, reason in ((b"\x89PNG\r\n\x1a\n????", ErrorReason.FILE_CORRUPT), (b"hello", ErrorReason.MEDIA_UNSUPPORTED)):
        with pytest.raises(DarkroomError) as raised:
            await running.file(content, {"inspect_metadata": {}})
        assert raised.value.reason is reason
