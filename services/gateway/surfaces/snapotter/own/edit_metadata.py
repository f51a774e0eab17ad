"""`edit-metadata`: the file that was sent, under its name, with other metadata."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS, checked_file, told
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Metadata edit failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """Where the result is. Of several files in a form, the last one counts."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    async with parts.kept(account_id, sent):
        file = checked_file(sent)
        plan = tool.plan(read_settings(sent.fields.get(SETTINGS, ""), tool.settings), file.name)
        kept = Kept(tool.id, [file.name], file.name, exact=True)
        run = await parts.run(request, account_id, [file.file_id], plan.operations, kept, failed=FAILED)
    return answer(told(parts.job_id(account_id, run), file.size, run))
