"""`strip-metadata/inspect`: what there is to leave out."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.own._known import known
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

_SECTIONS = ("exif", "gps", "icc", "xmp")


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """What the settings of the tool are about."""
    return await known(parts, tool, request, identity, worded=_worded)


def _worded(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in _SECTIONS if name in found}
