"""Exif data (CIPA DC-008) with changes."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from types import MappingProxyType

from PIL import ExifTags

from services.inference.tagging.changes import EXIF, GPS, Changes, Place
from services.inference.tagging.dates import shift_date
from services.inference.tagging.tiff_edit import Tiff
from services.inference.tagging.tiff_structure import EXIF_DIRECTORY, GPS_DIRECTORY, Value

_BYTE, _ASCII, _RATIONAL, _UNDEFINED = 1, 2, 5, 7
_DESCRIPTION, _SOFTWARE, _MODIFIED, _ARTIST, _COPYRIGHT = 0x010E, 0x0131, 0x0132, 0x013B, 0x8298
_TAKEN, _DIGITISED, _VERSION, _MAKER_NOTE = 0x9003, 0x9004, 0x9000, 0x927C
_GPS_VERSION, _GPS_ALTITUDE_REFERENCE, _GPS_ALTITUDE = 0, 5, 6
_MICRO = 1_000_000
_LARGEST = (1 << 32) - 1
_BESIDES = {
    "modifydate": _MODIFIED,
    "createdate": _DIGITISED,
    "iso": 0x8827,
    "exposurecompensation": 0x9204,
    "serialnumber": 0xA431,
    "ownername": 0xA430,
    "lensinfo": 0xA432,
    "makernotes": _MAKER_NOTE,
    "makernote": _MAKER_NOTE,
}
"""Names that differ from the standard's."""
_TAGS: Mapping[str, int] = MappingProxyType({name.lower(): tag for tag, name in ExifTags.TAGS.items()} | _BESIDES)
_PLACE_TAGS: Mapping[str, int] = MappingProxyType({name.lower(): tag for tag, name in ExifTags.GPSTAGS.items()})
_STRUCTURE = (
    frozenset((0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x010A, 0x0111, 0x0115, 0x0116, 0x0117, 0x011C, 0x013D, 0x0140))
    | frozenset((0x0122, 0x0123, 0x0124, 0x0125, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x014C, 0x0152, 0x0153, 0x0154, 0x0155, 0x0156))
    | frozenset(range(0x0200, 0x0215))
    | frozenset((0x015B, 0x0157, 0x0159, 0x015A, 0x8773, EXIF_DIRECTORY, GPS_DIRECTORY))
)
"""Tags that say how a TIFF file holds its picture."""
_OTHERS = frozenset((0x02BC, 0x83BB, 0x8649))
"""XMP, IPTC and Photoshop's resources in a TIFF file."""
_THUMBNAIL = ("thumbnailimage", "thumbnail")


def edit_exif(tiff: Tiff, changes: Changes) -> None:
    """Changes the structure."""
    _remove(tiff, changes)
    modified, taken, digitised = changes.dates()
    first = {
        _DESCRIPTION: changes.description or changes.title,
        _SOFTWARE: changes.software,
        _MODIFIED: modified or _moved(tiff, _MODIFIED, 0, changes),
        _ARTIST: changes.artist,
        _COPYRIGHT: changes.copyright,
    }
    tiff.change({tag: _text(said) for tag, said in first.items() if said})
    inside = {
        _TAKEN: taken or _moved(tiff, _TAKEN, EXIF_DIRECTORY, changes),
        _DIGITISED: digitised or _moved(tiff, _DIGITISED, EXIF_DIRECTORY, changes),
    }
    wanted = {tag: _text(said) for tag, said in inside.items() if said}
    if wanted:
        if tiff.value(_VERSION, EXIF_DIRECTORY) is None:
            wanted[_VERSION] = Value(_UNDEFINED, b"0232")
        tiff.change(wanted, EXIF_DIRECTORY)
    if changes.place is not None and not changes.loses_place:
        version = {} if tiff.value(_GPS_VERSION, GPS_DIRECTORY) else {_GPS_VERSION: Value(_BYTE, bytes((2, 3, 0, 0)))}
        tiff.change(version | _placed(changes.place, tiff.order), GPS_DIRECTORY)


def _remove(tiff: Tiff, changes: Changes) -> None:
    names = changes.removed_tags.of(EXIF)
    everything = changes.removed_tags.whole(EXIF)
    for directory in (0, EXIF_DIRECTORY):
        tags = tiff.tags(directory) if everything else [_TAGS[name] for name in names if name in _TAGS]
        keep = _STRUCTURE | _OTHERS if not directory else ()
        tiff.change({tag: None for tag in tags if tag not in keep}, directory)
    if changes.loses_place or everything:
        tiff.change(dict.fromkeys(tiff.tags(GPS_DIRECTORY)), GPS_DIRECTORY)
        tiff.change({GPS_DIRECTORY: None})
    else:
        places = changes.removed_tags.of(EXIF) | changes.removed_tags.of(GPS)
        tiff.change({_PLACE_TAGS[name]: None for name in places if name in _PLACE_TAGS}, GPS_DIRECTORY)
    if names.intersection(_THUMBNAIL):
        tiff.without_thumbnail()


def _moved(tiff: Tiff, tag: int, directory: int, changes: Changes) -> str:
    value = tiff.value(tag, directory) if changes.shift_minutes else None
    if value is None or value.kind != _ASCII:
        return ""
    return shift_date(value.content.decode("latin-1"), changes.shift_minutes) or ""


def _text(said: str) -> Value:
    return Value(_ASCII, said.replace("\0", "").encode() + b"\0")


def _placed(place: Place, order: str) -> dict[int, Value]:
    found = {
        1: _text("S" if place.latitude < 0 else "N"),
        2: _degrees(place.latitude, order),
        3: _text("W" if place.longitude < 0 else "E"),
        4: _degrees(place.longitude, order),
    }
    if place.altitude is not None:
        height = abs(place.altitude)
        unit = next((unit for unit in (1000, 10, 1) if height * unit <= _LARGEST), 1)
        found[_GPS_ALTITUDE_REFERENCE] = Value(_BYTE, bytes((place.altitude < 0,)))
        found[_GPS_ALTITUDE] = Value(_RATIONAL, struct.pack(f"{order}II", min(round(height * unit), _LARGEST), unit))
    return found


def _degrees(degrees: float, order: str) -> Value:
    """Degrees, minutes, and seconds to a millionth."""
    seconds = round(math.fabs(degrees) * 3600 * _MICRO)
    minutes, seconds = divmod(seconds, 60 * _MICRO)
    whole, minutes = divmod(minutes, 60)
    return Value(_RATIONAL, struct.pack(f"{order}6I", whole, 1, minutes, 1, seconds, _MICRO))
