"""The notes about animations and videos as they are read and written."""

from __future__ import annotations

from collections.abc import Mapping

from services.pictures.media_format import MediaFormat

OTHER_TRACKS = "Only the first of several video tracks was used."
HIGH_RANGE = "The video has a high dynamic range (HDR): its light and colours were fitted to sRGB."
SOUND_UNREAD = "The sound could not be read: it was left out."
NO_SOUND = "There is no sound in {format}: it was left out."
NO_TRANSPARENCY = "The {format} has no transparency: transparent parts show the background colour."
EVEN_SIDES = "A video of this kind has even sides: a row or column at the edge was doubled."
SHOWN_FOREVER = "The result is shown forever: how many times cannot be said in {format}."
NO_TIMES = "Each frame is a page of the TIFF, which says nothing about times."
FRAMES_DROPPED = "Frames that follow each other faster than viewers show them in {format} were left out."

TEXTS: Mapping[str, str] = {
    "other_tracks": OTHER_TRACKS,
    "high_range": HIGH_RANGE,
    "sound_unread": SOUND_UNREAD,
    "no_sound": NO_SOUND,
    "no_transparency_in": NO_TRANSPARENCY,
    "even_sides": EVEN_SIDES,
    "shown_forever": SHOWN_FOREVER,
    "no_times": NO_TIMES,
    "frames_dropped": FRAMES_DROPPED,
}
"""By their names in notices."""
_NAMES: Mapping[MediaFormat, str] = {MediaFormat.PNG: "APNG", MediaFormat.WEBP: "WebP", MediaFormat.WEBM: "WebM"}


def name_of(format_: MediaFormat) -> str:
    """The format's name in sentences."""
    return _NAMES.get(format_, format_.upper())
