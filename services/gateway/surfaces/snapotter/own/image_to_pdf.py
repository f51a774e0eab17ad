"""`image-to-pdf`: a document with a page for each file of the form."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.pdf_tools_pb2 import ImageToPdfSettings
from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS, told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.gateway.surfaces.snapotter.tools.image_to_pdf import LEAST_BYTES, TOO_SMALL, target_bytes
from services.platform.identity import Identity

FAILED = "PDF creation failed"
_COMPRESSION = "compression"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, "No image files provided")
        settings = read_settings(sent.fields.get(SETTINGS, ""), tool.settings)
        assert isinstance(settings, ImageToPdfSettings)
        if settings.HasField("target_size") and target_bytes(settings.target_size) < LEAST_BYTES:
            raise Refusal(400, TOO_SMALL)
        for file in sent.files:
            if file.problem:
                raise Refusal(422, FAILED, details=f"{file.name}: {file.problem}")
        plan = tool.plan(settings, "")
        kept = Kept(tool.id, [file.working_name for file in sent.files], plan.name)
        run = await parts.run(request, account_id, sent.file_ids, plan.operations, kept, failed=FAILED, unusable=FAILED)
    body = told(parts.job_id(account_id, run), sum(file.size for file in sent.files), run) | {"pages": len(sent.files)}
    return answer(body | _compression(settings, run))


def _compression(settings: ImageToPdfSettings, run: run_service_pb2.Run) -> dict[str, object]:
    """What is told where a size was asked for."""
    for notice in run.notices:
        if notice.code == _COMPRESSION:
            found = json.loads(notice.details_json)
            requested = target_bytes(settings.target_size)
            return {"compression": {"targetRequested": requested, "targetMet": found["met"], "jpegQuality": found["quality"]}}
    return {}
