"""`vectorize`: nothing is checked before; what cannot be read is told so."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.own._one import of_one
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    return await of_one(parts, tool, request, identity, failed="Vectorization failed")
