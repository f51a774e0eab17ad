"""`qr-generate`: a QR code from a JSON body."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.bodies import json_body
from services.gateway.surfaces.snapotter.calls.tool_calls import told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import INVALID, settings_of
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "QR code generation failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    account_id = identity.account_id
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Refusal(400, INVALID, details="must be an object")
    plan = tool.plan(settings_of(body, tool.settings), "")
    run = await parts.run(request, account_id, [], plan.operations, Kept(tool.id, [], plan.name), failed=FAILED)
    return answer(told(parts.job_id(account_id, run), 0, run))
