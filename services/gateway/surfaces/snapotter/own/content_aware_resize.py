"""`content-aware-resize`: the usual reply, with the size. Of several files in a form, the last one counts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Content-aware resize failed"
NO_SIZE = "Either width, height, or square mode must be specified"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    try:
        file, run = await parts.calls.run(tool, request, account_id, sent, failed=FAILED)
    except Refusal as refusal:
        if refusal.status == 400 and isinstance(refusal.details, str) and NO_SIZE in refusal.details:
            raise Refusal(400, NO_SIZE) from None
        raise
    made = run.outputs[0].image
    return answer(told(parts.job_id(account_id, run), file.size, run) | {"width": made.width, "height": made.height})
