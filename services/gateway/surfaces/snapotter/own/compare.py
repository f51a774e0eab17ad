"""`compare`: how much two pictures are alike, and a picture of where they are not."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import download_path
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Comparison failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of more than two files, the first and the last count."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        if len(sent.files) < 2:
            raise Refusal(400, "Two image files are required for comparison")
        pair = [sent.files[0], sent.files[-1]]
        for file in pair:
            if file.problem:
                raise Refusal(422, FAILED, details=f"{file.name}: {file.problem}")
        kept = Kept(tool.id, [file.working_name for file in pair])
        ids = [file.file_id for file in pair]
        operations = tool.plan(tool.settings(), "").operations
        run = await parts.run(request, account_id, ids, operations, kept, failed=FAILED, unusable=FAILED)
        await parts.forms.discard_files(account_id, {*sent.file_ids} - {*ids})
    found, job_id = json.loads(await parts.contents.read(account_id, run.outputs[0])), parts.job_id(account_id, run)
    difference = run.outputs[1]
    sizes = {"originalSize": sum(file.size for file in pair), "processedSize": difference.size_bytes}
    return answer({"jobId": job_id} | found | {"downloadUrl": download_path(job_id, difference.name)} | sizes)
