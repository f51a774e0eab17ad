"""`bulk-rename`: a ZIP as the reply. Of the files, nothing is asked."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.forms import Accepts
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools import bulk_rename
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

NO_FILES = "No files provided"
FAILED = "Rename failed"
_PART_OF_ID = 8


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The archive."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all", accepts=Accepts.ANYTHING)
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, NO_FILES)
        settings = read_settings(sent.fields.get(SETTINGS, ""), bulk_rename.SETTINGS)
        names = [file.name for file in sent.files]
        unstored = next((file for file in sent.files if not file.file_id), None)
        if unstored is not None:
            raise Refusal(422, FAILED, details=f"{unstored.name}: {unstored.problem}")
        run = await parts.run(
            request,
            account_id,
            sent.file_ids,
            bulk_rename.plan(settings, *names).operations,
            Kept(tool.id, names),
            failed=FAILED,
            unusable=FAILED,
        )
    return parts.zipped(account_id, run.outputs[0], f"renamed-{parts.job_id(account_id, run)[:_PART_OF_ID]}.zip")
