"""`passport-photo/analyze`: the picture without its background, and where the face is."""

from __future__ import annotations

import base64
import json

from starlette.requests import Request
from starlette.responses import Response

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_portrait_pb2 import InspectPortrait
from services.gateway.surfaces.snapotter.calls.tool_calls import checked_file, succeeded
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept, failure
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.pictures.passport_photos import NO_FACE
from services.platform.identity import Identity

FAILED = "Passport photo analysis failed"
ANALYSIS = "passport-photo-analyze"
"""What the run is kept as, by which the next step knows it."""


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of several files in a form, the last one counts."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    async with parts.kept(account_id, sent):
        file = checked_file(sent)
        operations = [operation_pb2.Operation(inspect_portrait=InspectPortrait())]
        kept = Kept(ANALYSIS, [file.working_name])
        run = await parts.calls.started(request, account_id, [file.file_id], operations, kept, failed=FAILED)
    if NO_FACE in (failure(run) or ""):
        raise Refusal(422, NO_FACE)
    told, preview, *_ = succeeded(run, FAILED).outputs
    found = json.loads(await parts.contents.read(account_id, told))
    picture = await parts.contents.read(account_id, preview)
    return answer(
        {
            "jobId": parts.job_id(account_id, run),
            "filename": file.working_name,
            "preview": base64.b64encode(picture).decode(),
            "previewWidth": preview.image.width,
            "previewHeight": preview.image.height,
            "landmarks": found["landmarks"],
            "imageWidth": found["imageWidth"],
            "imageHeight": found["imageHeight"],
        }
    )
