"""`edit-metadata`: the file with other metadata."""

from __future__ import annotations

import re

from compat.snapotter.v1.metadata_tools_pb2 import EditMetadataSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.edit_metadata_pb2 import EditMetadata
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = EditMetadataSettings
KEEPS_FORMAT = True
_TAG = re.compile(r"[A-Za-z0-9:_-]{1,100}")


def plan(settings: EditMetadataSettings, name: str) -> Plan:
    """The operation."""
    for field, text in settings.ListFields():
        if isinstance(text, str) and "\0" in text:
            setattr(settings, field.name, text.replace("\0", ""))
    edit = EditMetadata(
        title=settings.title,
        artist=settings.artist or settings.author,
        copyright=settings.copyright,
        description=settings.image_description,
        software=settings.software,
        modified_at=settings.date_time.strip(),
        taken_at=settings.date_time_original.strip(),
        all_dates=settings.set_all_dates.strip(),
        shift_dates_minutes=_minutes(settings.date_shift),
        remove_location=settings.clear_gps,
        object_name=settings.iptc_title,
        headline=settings.iptc_headline,
        city=settings.iptc_city,
        state=settings.iptc_state,
        country=settings.iptc_country,
        keywords=[word for word in (each.replace("\0", "").strip() for each in settings.keywords) if word],
        replace_keywords=settings.keywords_mode == "set",
        remove_tags=[tag for tag in settings.fields_to_remove if _TAG.fullmatch(tag)],
    )
    # A place is written only if it is whole.
    if settings.HasField("gps_latitude") and settings.HasField("gps_longitude"):
        edit.latitude, edit.longitude = settings.gps_latitude, settings.gps_longitude
        if settings.HasField("gps_altitude"):
            edit.altitude = settings.gps_altitude
    return Plan([operation_pb2.Operation(edit_metadata=edit)], name)


def _minutes(shift: str) -> int:
    """Of `+1:30`."""
    if not shift:
        return 0
    hours, _, minutes = shift[1:].partition(":")
    return (-1 if shift[0] == "-" else 1) * (60 * int(hours) + int(minutes))
