"""The metadata of a picture file, as data. Only for child processes, since files may be hostile."""

from __future__ import annotations

import html
import math
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import ExifTags
from PIL import Image as PillowImage

from services.inference.media import heic
from services.inference.media.decode import open_with_libvips
from services.inference.media.exif import rewritten
from services.inference.media.header import NO_HINTS, Hints
from services.inference.media.image import Limits
from services.pictures.media_format import MediaFormat

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_COMMENT, _CHARACTER_CODE = 0x9286, 8
"""The user's comment begins with the name of its character code."""
_NOT_EXIF = frozenset((0x0111, 0x0117, 0x0144, 0x0145, 0x02BC, 0x83BB, 0x8649, 0x8773, 0x935C))
"""Tags of TIFF files: places of samples, and metadata of other kinds."""
_HEIF = (MediaFormat.HEIC, MediaFormat.HEIF)
_MOST_NUMBERS = 64
_LONGEST_TEXT = 10_000
_LARGEST_PACKET = 1 << 16
_CLASSES = {b"scnr": "input", b"mntr": "display", b"prtr": "output", b"spac": "color space", b"abst": "abstract", b"link": "link"}
_INTENTS = ("perceptual", "relative colorimetric", "saturation", "absolute colorimetric")
_NAME = r"[A-Za-z_][\w.-]{0,63}:[A-Za-z_][\w.-]{0,63}"
_ATTRIBUTE = re.compile(rf"""\s({_NAME})\s{{0,9}}=\s{{0,9}}(?:"([^"<]*)"|'([^'<]*)')""")
_ELEMENT = re.compile(rf"<({_NAME})(?:\s[^<>]*)?>([^<]*|\s*<rdf:(Bag|Seq|Alt)>.{{0,20000}}?</rdf:\3>\s*)</\1\s*>", re.DOTALL)
_ITEM = re.compile(r"<rdf:li(?:\s[^<>]*)?>([^<]*)</rdf:li\s*>")
_SYNTAX = ("xmlns", "xml", "rdf", "x")
"""Prefixes of what belongs to the form, not the content, of a packet."""


def metadata_in(data: bytes, limits: Limits, hints: Hints = NO_HINTS) -> dict[str, Any]:
    """The content of the message `InspectMetadata`, except IPTC data. Raises as `read_header`."""
    blobs = _blobs(data, limits, hints)
    found: dict[str, Any] = {}
    block = rewritten(blobs.get("exif"), without=_NOT_EXIF)
    if block is not None:
        found |= _of_exif(block)
    for name, read in (("icc", _of_profile), ("xmp", _of_packet)):
        if blobs.get(name):
            found[name] = read(blobs[name])
    return {name: section for name, section in found.items() if section}


def _blobs(data: bytes, limits: Limits, hints: Hints) -> Mapping[str, bytes]:
    format_, picture = open_with_libvips(data, limits, hints)
    if picture is None:
        said = heic.open_checked(data, format_, limits).info if format_ in _HEIF else {}
        named = {"exif": said.get("exif"), "xmp": said.get("xmp"), "icc": said.get("icc_profile")}
        return {name: blob for name, blob in named.items() if blob}
    fields = {"exif": "exif-data", "xmp": "xmp-data", "icc": "icc-profile-data"}
    found = {name: bytes(picture.get(field)) for name, field in fields.items() if picture.get_typeof(field)}
    if format_ is MediaFormat.TIFF:
        # The file is one Exif block, which libvips does not distinguish.
        found["exif"] = data
    return found


def _of_exif(block: bytes) -> dict[str, Any]:
    exif = PillowImage.Exif()
    exif.load(block)
    inside = {_EXIF, _GPS, _INTEROPERABILITY}
    general = {tag: value for tag, value in exif.items() if tag not in inside} | dict(exif.get_ifd(_EXIF))
    place = dict(exif.get_ifd(_GPS))
    named = {_tag(ExifTags.TAGS, tag): _value(tag, value) for tag, value in general.items() if tag not in inside}
    gps = {_tag(ExifTags.GPSTAGS, tag): _value(tag, value) for tag, value in place.items()} | _place(place)
    return {"exif": _without_nothing(named), "gps": _without_nothing(gps)}


def _place(gps: Mapping[int, Any]) -> dict[str, float | None]:
    """The place as numbers."""
    altitude = _number(gps.get(6))
    below = gps.get(5) in (1, b"\x01")
    return {
        "_latitude": _degrees(gps.get(2), str(gps.get(1, "")), "S"),
        "_longitude": _degrees(gps.get(4), str(gps.get(3, "")), "W"),
        "_altitude": -altitude if altitude is not None and below else altitude,
    }


def _degrees(parts: object, reference: str, negative: str) -> float | None:
    """Degrees, minutes and seconds as one number."""
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    numbers = [_number(part) for part in parts]
    if any(number is None for number in numbers):
        return None
    degrees = math.fsum(number / 60**power for power, number in enumerate(numbers) if number is not None)
    return float(-degrees if reference.strip("\0 ").upper() == negative else degrees)


def _tag(names: Mapping[int, str], tag: int) -> str:
    return names.get(tag, f"0x{tag:04X}")


def _value(tag: int, value: object) -> Any:
    """As JSON holds it; None for what says nothing."""
    if isinstance(value, str):
        return _utf8(value).strip("\0 ")[:_LONGEST_TEXT] or None
    if isinstance(value, bytes):
        text = value[_CHARACTER_CODE:] if tag == _COMMENT else value
        text = text.strip(b"\0 ")
        if text and text.isascii() and text.decode().isprintable():
            return text.decode()[:_LONGEST_TEXT]
        return list(value) if 0 < len(value) <= 4 else None
    if isinstance(value, tuple):
        return [_number(each) for each in value[:_MOST_NUMBERS]]
    return _number(value)


def _utf8(text: str) -> str:
    """A text as most programs write it; Pillow reads each byte as a character."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _number(value: object) -> float | None:
    """None for what is no number, such as a fraction of zeros."""
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever Pillow has read
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _of_profile(profile: bytes) -> dict[str, Any]:
    """A profile's header (ICC.1:2022, 7.2) and texts."""
    if len(profile) < 132:
        return {}
    tags = dict(_profile_tags(profile))
    (intent,) = struct.unpack_from(">I", profile, 64)
    said = {
        "size": len(profile),
        "version": f"{profile[8]}.{profile[9] >> 4}",
        "deviceClass": _CLASSES.get(profile[12:16]),
        "colorSpace": _four(profile[16:20]),
        "connectionSpace": _four(profile[20:24]),
        "renderingIntent": _INTENTS[intent] if intent < len(_INTENTS) else None,
        "description": _profile_text(tags.get(b"desc", b"")),
        "copyright": _profile_text(tags.get(b"cprt", b"")),
    }
    return _without_nothing(said)


def _profile_tags(profile: bytes) -> Iterator[tuple[bytes, bytes]]:
    (count,) = struct.unpack_from(">I", profile, 128)
    for at in range(132, min(132 + 12 * min(count, 100), len(profile) - 11), 12):
        name, offset, size = struct.unpack_from(">4sII", profile, at)
        yield name, profile[offset : offset + size]


def _profile_text(tag: bytes) -> str | None:
    """The text of a tag: plain, a description of version 2, or the first of several languages."""
    text = ""
    if tag[:4] == b"text":
        text = tag[8:].decode("latin-1")
    elif tag[:4] == b"desc" and len(tag) > 12:
        text = tag[12 : 12 + int.from_bytes(tag[8:12], "big")].decode("latin-1")
    elif tag[:4] == b"mluc" and len(tag) >= 28:
        size, offset = struct.unpack_from(">II", tag, 20)
        text = tag[offset : offset + size].decode("utf-16-be", "replace")
    return text.strip("\0 ")[:_LONGEST_TEXT] or None


def _four(code: bytes) -> str | None:
    return code.decode("latin-1").strip("\0 ") or None


def _of_packet(packet: bytes) -> dict[str, Any]:
    """Properties of a packet (ISO 16684-1) with simple values, and lists of those."""
    text = packet[:_LARGEST_PACKET].decode("utf-8", "replace")
    found: dict[str, Any] = {}
    for name, double, single in _ATTRIBUTE.findall(text):
        if name.partition(":")[0] not in _SYNTAX:
            found.setdefault(name, html.unescape(double or single)[:_LONGEST_TEXT])
    for name, content, kind in _ELEMENT.findall(text):
        if name.partition(":")[0] in _SYNTAX:
            continue
        items = [html.unescape(item).strip()[:_LONGEST_TEXT] for item in _ITEM.findall(content)[:_MOST_NUMBERS]]
        found.setdefault(name, items if kind else html.unescape(content).strip()[:_LONGEST_TEXT])
    return found
