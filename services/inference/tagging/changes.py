"""The changes to the metadata of a picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

EXIF, IPTC, XMP, GPS = "exif", "iptc", "xmp", "gps"
_GROUPS = (EXIF, IPTC, XMP, GPS)
_EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo was taken."""

    latitude: float
    """Degrees, south is negative."""
    longitude: float
    """Degrees, west is negative."""
    altitude: float | None = None
    """Metres above the sea."""


@dataclass(frozen=True, slots=True)
class RemovedTags:
    """Tags to remove, by ExifTool's names with or without a group: `Artist`, `IPTC:City`, `XMP-dc:Subject`, `GPS:All`."""

    names: Collection[str] = ()

    def of(self, group: str) -> frozenset[str]:
        """Those that concern one group, in lower case and without the group."""
        return frozenset(name for asked, name in map(_parted, self.names) if asked in ("", group))

    def whole(self, group: str) -> bool:
        """Whether all that a group has is to go."""
        return _EVERYTHING in self.of(group)


@dataclass(frozen=True, slots=True)
class Changes:
    """Texts that are empty change nothing."""

    title: str = ""
    artist: str = ""
    copyright: str = ""
    description: str = ""
    software: str = ""
    modified_at: str = ""
    taken_at: str = ""
    all_dates: str = ""
    shift_minutes: int = 0
    place: Place | None = None
    without_place: bool = False
    object_name: str = ""
    headline: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    keywords: tuple[str, ...] = ()
    replace_keywords: bool = False
    removed_tags: RemovedTags = field(default_factory=RemovedTags)

    @property
    def loses_place(self) -> bool:
        """Whether the place is to go."""
        return self.without_place or self.removed_tags.whole(GPS)

    def dates(self) -> tuple[str, str, str]:
        """When the file was changed, when the photo was taken, and when it was digitised; empty for no change."""
        return self.modified_at or self.all_dates, self.taken_at or self.all_dates, self.all_dates


def _parted(name: str) -> tuple[str, str]:
    """Group and tag. `XMP-dc` is of the group XMP; a group that is unknown stays, and matches nothing."""
    group, colon, tag = name.lower().rpartition(":")
    if not colon:
        return "", tag
    last = group.rpartition(":")[2]
    known = last.partition("-")[0]
    return (known if known in _GROUPS else EXIF if last in ("ifd0", "exififd") else last), tag
