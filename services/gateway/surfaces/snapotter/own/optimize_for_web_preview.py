"""`optimize-for-web/preview`: the result of a tool, without a job that it could be downloaded from."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import kept_name
from services.gateway.surfaces.snapotter.names import encoded, with_type
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Preview failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The picture. Of several files in a form, the last one counts."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    file, run = await parts.calls.run(tool, request, account_id, sent, failed=FAILED)
    output, kept = run.outputs[0], Kept.read(run.kept)
    assert kept is not None
    headers = {
        "x-original-size": str(file.size),
        "x-processed-size": str(output.size_bytes),
        "x-output-filename": encoded(with_type(kept_name(kept, output.media_type), output.media_type)),
    }
    return Response(await parts.contents.read(account_id, output), headers=headers, media_type=output.media_type)
