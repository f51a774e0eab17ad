"""`pdf-to-image/preview`: what the pages look like, as many as the operator allows."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.own._pdf import looked_into
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    plan = tool.plan(tool.settings(), "")
    plan.operations[0].inspect_pdf.max_thumbnails = parts.settings.max_pdf_pages
    return await looked_into(parts, tool, plan, request, identity)
