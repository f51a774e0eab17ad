"""`svg-to-raster/batch`: a ZIP of pictures of drawings."""

from __future__ import annotations

import dataclasses

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.batches.kinds import of_tool
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.pictures.media_format import MediaFormat
from services.platform.identity import Identity

NO_SVGS = "No SVG files provided"
NOT_SVG = "Not a valid SVG file"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    kind = dataclasses.replace(of_tool(tool), no_files=NO_SVGS, problem=_problem)
    return await parts.batches.serve(kind, request, identity)


def _problem(file: SentFile) -> str:
    return "" if file.format == MediaFormat.SVG and not file.problem else NOT_SVG
