"""`edit-metadata/inspect`: what a file says besides its picture, by the names that the tool removes tags by, which are ExifTool's."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.own._known import known
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

_OTHER_NAMES = {
    "DateTime": "ModifyDate",
    "DateTimeDigitized": "CreateDate",
    "ISOSpeedRatings": "ISO",
    "ExposureBiasValue": "ExposureCompensation",
    "BodySerialNumber": "SerialNumber",
    "CameraOwnerName": "OwnerName",
    "LensSpecification": "LensInfo",
}
_NUMBERS = {"_latitude": "GPSLatitude", "_longitude": "GPSLongitude", "_altitude": "GPSAltitude"}
"""Places as one number, by what the tags have in parts."""


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """What the settings of the tool are about."""
    return await known(parts, tool, request, identity, worded=_worded)


def _worded(found: dict[str, Any]) -> dict[str, Any]:
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
