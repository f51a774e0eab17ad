"""`ocr`: the text, in the reply."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of several files, the last one counts."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    file, run = await parts.calls.run(tool, request, account_id, sent, failed=tool.failed)
    found = json.loads(await parts.contents.read(account_id, run.outputs[0]))
    return answer({"jobId": parts.job_id(account_id, run), "filename": file.sent_name, "text": found["text"], "engine": found["engine"]})
