"""`barcode-read`: what barcodes say, and a picture of where they are."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, PREVIEW, SETTINGS, download_path
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Barcode reading failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, NO_FILE)
        [file] = sent.files
        if file.problem:
            raise Refusal(400, f"Invalid image: {file.problem}")
        plan = tool.plan(read_settings(sent.fields.get(SETTINGS, ""), tool.settings), file.working_name)
        annotated = f"annotated-{Name.of(file.name).stem or 'image'}.png"
        kept = Kept(tool.id, [file.working_name], others=[annotated])
        run = await parts.run(request, account_id, [file.file_id], plan.operations, kept, failed=FAILED)
    found = json.loads(await parts.contents.read(account_id, run.outputs[0]))
    job_id, outlined = parts.job_id(account_id, run), len(run.outputs) > 1
    urls = {
        name: download_path(job_id, path) if outlined else None for name, path in (("annotatedUrl", annotated), ("previewUrl", PREVIEW))
    }
    return answer({"filename": file.sent_name} | found | urls)
