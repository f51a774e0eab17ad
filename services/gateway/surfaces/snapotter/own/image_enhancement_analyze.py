"""`image-enhancement/analyze`: what a picture needs. Of several files in a form, the last one counts."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Analysis failed"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    sent.fields.pop(SETTINGS, None)
    _, run = await parts.calls.run(tool, request, account_id, sent, failed=FAILED)
    found = json.loads(await parts.contents.read(account_id, run.outputs[0]))
    scores, corrections = found["scores"], found["corrections"]
    return answer(
        {
            "scores": {"whiteBalance" if name == "white_balance" else name: score for name, score in scores.items()},
            "corrections": {"denoise" if name == "noise" else name: by for name, by in corrections.items()},
            "issues": found["issues"],
            "suggestedMode": found["suggested_mode"].replace("_", "-"),
        }
    )
