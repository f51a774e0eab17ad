"""`svg-to-raster`: a picture of a drawing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.pictures.media_format import MediaFormat
from services.platform.identity import Identity

NO_SVG = "No SVG file provided"
NOT_SVG = "File is not a valid SVG. This tool only accepts SVG files."
FAILED = "SVG conversion failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of several files in a form, the last one counts."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, NO_SVG)
        if sent.files[0].format != MediaFormat.SVG:
            raise Refusal(400, NOT_SVG)
    file, run = await parts.calls.run(tool, request, account_id, sent, failed=FAILED, unusable=FAILED)
    return answer(told(parts.job_id(account_id, run), file.size, run))
