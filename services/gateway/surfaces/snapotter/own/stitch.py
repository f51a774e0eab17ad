"""`stitch`: at least two pictures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.own._several import together
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Stitch creation failed"
_MISSING = "At least 2 images are required for stitching"
_TOO_LARGE = "Canvas too large"
"""What the operation says of a result that would be larger than pictures may be."""


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    try:
        return await together(parts, tool, request, identity, fewest=2, missing=_MISSING, failed=FAILED)
    except Refusal as refusal:
        if isinstance(refusal.details, str) and refusal.details.startswith(_TOO_LARGE):
            raise Refusal(422, refusal.details) from refusal
        raise
