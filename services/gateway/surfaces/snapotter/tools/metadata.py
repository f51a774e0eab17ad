"""Tools for what a file says besides its picture."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.format_tools_pb2 import InspectMetadataSettings, StripMetadataSettings
from compat.snapotter.v1.metadata_tools_pb2 import EditMetadataSettings, ReadMetadataSettings
from darkroom.operations.v1 import convert_pb2
from darkroom.operations.v1.edit_metadata_pb2 import EditMetadata
from darkroom.operations.v1.inspect_metadata_pb2 import InspectMetadata
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.calls.tool_calls import checked_file
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.context import UNREADABLE, ToolContext, describe_picture, settings_in
from services.platform.identity import Identity

_JPEG, _WEBP, _AVIF = 90, 85, 50
"""Qualities where a file is encoded again, which a JPEG is only where it has to be."""
_TAG = re.compile(r"[A-Za-z0-9:_-]{1,100}")
_SECTIONS = ("exif", "gps", "icc", "xmp")
_OTHER_NAMES = {
    "DateTime": "ModifyDate",
    "DateTimeDigitized": "CreateDate",
    "ISOSpeedRatings": "ISO",
    "ExposureBiasValue": "ExposureCompensation",
    "BodySerialNumber": "SerialNumber",
    "CameraOwnerName": "OwnerName",
    "LensSpecification": "LensInfo",
}
"""ExifTool's, by which `edit-metadata` removes tags."""
_NUMBERS = {"_latitude": "GPSLatitude", "_longitude": "GPSLongitude", "_altitude": "GPSAltitude"}
"""Places as one number, by what the tags have in parts."""


def _strip_metadata(settings: StripMetadataSettings, _name: str) -> Plan:
    convert = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_KEPT,
        quality=_JPEG,
        webp_quality=_WEBP,
        avif_quality=_AVIF,
        progressive=False,
        keep_coding=True,
        png_otherwise=True,
        compact=True,
        quick=True,
        strip_metadata=settings.strip_all,
        strip_exif=settings.strip_exif,
        strip_location=settings.strip_gps,
        strip_profile=settings.strip_all or settings.strip_icc,
        strip_xmp=settings.strip_xmp,
    )
    return Plan([Operation(convert=convert)])


def _inspect(_settings: InspectMetadataSettings | ReadMetadataSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_metadata=InspectMetadata())])


def _strippable(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in _SECTIONS if name in found}


def _edit_metadata(settings: EditMetadataSettings, name: str) -> Plan:
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
    return Plan([Operation(edit_metadata=edit)], name)


def _minutes(shift: str) -> int:
    """Of `+1:30`."""
    if not shift:
        return 0
    hours, _, minutes = shift[1:].partition(":")
    return (-1 if shift[0] == "-" else 1) * (60 * int(hours) + int(minutes))


async def _serve_edit(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The file that was sent, under its name. If a form has several files, the last one counts."""
    account_id = identity.account_id
    async with context.form(request, account_id, "last") as sent:
        file = checked_file(sent)
        plan = tool.plan(settings_in(sent, tool), file.name)
        kept = RunRecord(tool.id, [file.name], file.name, exact=True)
        run = await context.run(tool, request, account_id, [file.file_id], plan.operations, kept)
    return answer(context.body(account_id, run, file))


def _editable(found: dict[str, Any]) -> dict[str, Any]:
    exif = {_OTHER_NAMES.get(name, name): value for name, value in found.get("exif", {}).items()}
    iptc, xmp = found.get("iptc", {}), {}
    for name, value in found.get("xmp", {}).items():
        local = name.partition(":")[2]
        xmp[local[:1].upper() + local[1:]] = value[0] if isinstance(value, list) and len(value) == 1 else value
    place = found.get("gps", {})
    gps = {name: value for name, value in place.items() if name not in _NUMBERS}
    gps |= {_NUMBERS[name]: value for name, value in place.items() if name in _NUMBERS}
    words = [word for said in (iptc.get("Keywords"), xmp.get("Subject")) for word in _listed(said)]
    sections = {"exif": exif, "iptc": iptc, "xmp": xmp, "gps": gps}
    return {name: section or None for name, section in sections.items()} | {"keywords": list(dict.fromkeys(words))}


def _listed(said: object) -> list[str]:
    return [str(each) for each in said] if isinstance(said, list) else [str(said)] if said else []


STRIP_METADATA = Tool("strip-metadata", StripMetadataSettings, _strip_metadata, pipeline=True)
STRIP_METADATA_INSPECT = Tool(
    "strip-metadata-inspect",
    InspectMetadataSettings,
    _inspect,
    failure_message=UNREADABLE,
    serve=partial(describe_picture, worded=_strippable),
)
EDIT_METADATA = Tool(
    "edit-metadata",
    EditMetadataSettings,
    _edit_metadata,
    pipeline=True,
    keeps_format=True,
    failure_message="Metadata edit failed",
    serve=_serve_edit,
)
EDIT_METADATA_INSPECT = Tool(
    "edit-metadata-inspect",
    ReadMetadataSettings,
    _inspect,
    failure_message=UNREADABLE,
    serve=partial(describe_picture, worded=_editable),
)
