"""`split`: a ZIP of tiles."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.own._one import run_of_one
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    _, run = await run_of_one(parts, tool, request, identity, failed="Split failed")
    return parts.zipped(identity.account_id, run.outputs[0], f"split-{parts.job_id(identity.account_id, run)[:8]}.zip")
