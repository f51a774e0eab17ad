"""`passport-photo`: there is nothing here but a pointer to its two steps."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """Raises `Refusal`."""
    raise Refusal(400, "Use /api/v1/tools/passport-photo/analyze or /generate")
