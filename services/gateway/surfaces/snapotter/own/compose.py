"""`compose`: the part `overlay` over the other picture."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.own._two import Roles, laid_over
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

_ROLES = Roles("overlay", "No base image provided", "No overlay image provided", "last")


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    return await laid_over(parts, tool, request, identity, _ROLES)
