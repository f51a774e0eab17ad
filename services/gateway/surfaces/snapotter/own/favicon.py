"""`favicon`: a ZIP of icons."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_json
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Favicon generation failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Whatever the settings say is ignored, but they must be JSON."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, NO_FILE)
        for file in sent.files:
            if file.problem:
                raise Refusal(400, f'Invalid file "{file.name}": {file.problem}')
        read_json(sent.fields.get(SETTINGS, "").strip() or "{}")
        plan = tool.plan(tool.settings(), "")
        plan.operations[0].favicons.names.extend(Name.of(file.name).stem or "icon" for file in sent.files)
        kept = Kept(tool.id, [file.working_name for file in sent.files])
        names = {file.file_id: file.name for file in sent.files}
        run = await parts.run(request, account_id, sent.file_ids, plan.operations, kept, failed=FAILED, names=names)
    return parts.zipped(account_id, run.outputs[0], f"favicons-{parts.job_id(account_id, run)[:8]}.zip")
