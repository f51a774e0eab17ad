"""`image-enhancement/analyze`: what would be enhanced, as a document."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from services.common.identity import Identity
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of several files in a form, the last one counts; there are no settings."""
    account_id = identity.account_id
    sent = await parts.forms.read(request, account_id, "last")
    sent.fields.pop(SETTINGS, None)
    _, run = await parts.calls.run(tool, request, account_id, sent, failed="Analysis failed")
    return answer(json.loads(await parts.contents.read(account_id, run.outputs[0])))
