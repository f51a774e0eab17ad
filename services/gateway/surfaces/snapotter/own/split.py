"""`split`: a ZIP of tiles."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.common.identity import Identity
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool

FAILED = "Split failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of several files in a form, the last one counts; that it is a picture is not checked before the settings."""
    account_id = identity.account_id
    sent = await parts.forms.read(request, account_id, "last")
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, NO_FILE)
        [file] = sent.files
        plan = tool.plan(read_settings(sent.fields.get(SETTINGS, ""), tool.settings), file.working_name)
        if file.problem:
            raise Refusal(422, FAILED, details=file.problem)
        kept = Kept(tool.id, [file.working_name], plan.name)
        run = await parts.run(request, account_id, [file.file_id], plan.operations, kept, failed=FAILED, unusable=FAILED)
    return parts.zipped(account_id, run.outputs[0], f"split-{parts.job_id(account_id, run)[:8]}.zip")
