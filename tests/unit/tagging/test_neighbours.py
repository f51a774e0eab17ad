"""What stands next to changed metadata stays: other pages, other resources, other properties; and what is removed is gone everywhere."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image as PillowImage
from PIL import IptcImagePlugin, TiffImagePlugin

from services.inference.tagging.changes import Changes, RemovedTags
from services.inference.tagging.edit import edit_tags
from services.pictures.media_format import MediaFormat
from tests.unit.tagging.pictures import FORMATS, opened, packet, picture, samples

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_EVERYWHERE = RemovedTags(["All"])
_CHANGES: Mapping[str, tuple[Changes, set[str]]] = {
    "title": (Changes(title="T"), {"title"}),
    "artist": (Changes(artist="A"), set()),
    "all dates": (Changes(all_dates="2026:01:31 12:00:00"), set()),
    "no place": (Changes(without_place=True), {"GPSLatitude"}),
    "keywords": (Changes(keywords=("eins",)), {"subject", "iptc 25"}),
    "city": (Changes(city="Rom"), {"iptc 90"}),
    "headline": (Changes(headline="H"), {"iptc 105"}),
    "without IPTC:City": (Changes(removed_tags=RemovedTags(["IPTC:City"])), {"iptc 90"}),
    "without XMP-dc:Subject": (Changes(removed_tags=RemovedTags(["XMP-dc:Subject"])), {"subject"}),
    "without EXIF:All": (Changes(removed_tags=RemovedTags(["EXIF:All"])), set()),
}


def _said(data: bytes) -> dict[str, Any]:
    """Properties of XMP, as text, and data sets of IPTC."""
    with opened(data) as image:
        sets = IptcImagePlugin.getiptcinfo(image) or {}
    found: dict[str, Any] = {f"iptc {number}": content for (record, number), content in sets.items() if record == 2}
    for description in ElementTree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", packet(data)).strip("\ufeff\0 \n")).iter(
        f"{_RDF}Description"
    ):
        found |= {name.rpartition("}")[2]: text for name, text in description.attrib.items()}
        found |= {each.tag.rpartition("}")[2]: [part.text for part in each.iter() if part.text] for each in description}
    return found


@pytest.mark.parametrize("name", _CHANGES)
@pytest.mark.parametrize("format_", [MediaFormat.JPEG, MediaFormat.TIFF])
def test_other_properties_and_data_sets_stay(format_: MediaFormat, name: str) -> None:
    data = edit_tags(picture(format_, tagged=True), format_, Changes(object_name="O", city="Paris", keywords=("a", "b"), country="F"))
    before, (changes, wanted) = _said(data), _CHANGES[name]
    assert {"Rating", "subject", "iptc 5", "iptc 25", "iptc 90", "iptc 101"} < before.keys()
    after = _said(edit_tags(data, format_, changes))
    assert {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)} == wanted


def _pages(second: Mapping[int, object]) -> bytes:
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer) as target:
        for number, tags in enumerate(({}, second, {})):
            PillowImage.new("RGB", (8 + number, 8), (number, 0, 0)).save(target, "TIFF", tiffinfo=dict(tags))
            target.newFrame()
    return buffer.getvalue()


def test_a_second_page_is_no_thumbnail() -> None:
    without = Changes(removed_tags=RemovedTags(["ThumbnailImage"]))
    whole = _pages({})
    assert edit_tags(whole, MediaFormat.TIFF, without) == whole
    reduced = _pages({0x00FE: 1})
    first, _, third = samples(reduced)
    assert samples(edit_tags(reduced, MediaFormat.TIFF, without)) == [first, third]


def _resources(city: bytes) -> bytes:
    """Of Photoshop: a path, the IPTC data, and another."""
    iptc = b"\x1c\x02\x5a" + len(city).to_bytes(2, "big") + city
    parts = [(0x07D0, b"a path"), (0x0404, iptc + bytes(len(iptc) % 2)), (0x040A, b"\x01\0")]
    return b"".join(b"8BIM" + struct.pack(">HHI", number, 0, len(part)) + part for number, part in parts)


def test_both_places_of_iptc_data_in_a_tiff_change() -> None:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (8, 8)).save(buffer, "TIFF", tiffinfo={0x83BB: b"\x1c\x02\x5a\0\5Paris", 0x8649: _resources(b"Paris")})
    changed = edit_tags(buffer.getvalue(), MediaFormat.TIFF, Changes(city="Rom"))
    with opened(changed) as image:
        resources = image.tag_v2[0x8649]  # type: ignore[attr-defined]
    assert (b"a path" in resources, b"Rom" in resources, b"Paris" in changed) == (True, True, False)
    for names in (["IPTC:All"], ["City"]):
        gone = edit_tags(buffer.getvalue(), MediaFormat.TIFF, Changes(removed_tags=RemovedTags(names)))
        assert (b"Paris" in gone, b"a path" in gone) == (False, True)


def test_other_resources_in_a_png_stay() -> None:
    digits = _resources(b"Paris").hex()
    profile = f"\niptc\n{len(digits) // 2:8}\n{digits}\n".encode()
    content = b"zTXtRaw profile type iptc\0\0" + zlib.compress(profile)
    whole = picture(MediaFormat.PNG)
    data = whole[:33] + struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content)) + whole[33:]
    changed = edit_tags(data, MediaFormat.PNG, Changes(city="Rom"))
    gone = edit_tags(data, MediaFormat.PNG, Changes(removed_tags=RemovedTags(["IPTC:All"])))
    for after, city in ((changed, b"Rom"), (gone, b"")):
        with opened(after) as image:
            resources = bytes.fromhex(image.info["Raw profile type iptc"].split("\n", 3)[3])
        assert (b"a path" in resources, b"Paris" in resources, city in resources) == (True, False, True)


def test_the_rest_of_an_xmp_packet_goes_with_it() -> None:
    data = picture(MediaFormat.JPEG, tagged=True)
    extension = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 6, 0) + b"secret"
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(extension) + 2) + extension + data[2:]
    assert b"secret" in edit_tags(data, MediaFormat.JPEG, Changes(artist="A", keywords=("k",)))
    assert b"secret" not in edit_tags(data, MediaFormat.JPEG, Changes(removed_tags=RemovedTags(["XMP:All"])))


@pytest.mark.parametrize("format_", FORMATS)
def test_removal_of_everything_twice_changes_nothing_more(format_: MediaFormat) -> None:
    once = edit_tags(picture(format_, tagged=True), format_, Changes(removed_tags=_EVERYWHERE))
    assert edit_tags(once, format_, Changes(removed_tags=_EVERYWHERE)) == once
