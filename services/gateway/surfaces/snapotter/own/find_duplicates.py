"""`find-duplicates`: the groups, by the names that were sent."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_json, settings_of
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

FAILED = "Duplicate detection failed"
_THRESHOLD = "threshold"
_FEWEST = 2


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Settings are checked first, then how many files there are."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        plan = tool.plan(settings_of(_given(sent.fields), tool.settings), "")
        if len(sent.files) < _FEWEST:
            raise Refusal(400, "At least 2 images are required for duplicate detection")
        for file in sent.files:
            if file.problem:
                raise Refusal(422, FAILED, details=f"{file.name}: {file.problem}")
        kept = Kept(tool.id, [file.working_name for file in sent.files])
        run = await parts.run(request, account_id, sent.file_ids, plan.operations, kept, failed=FAILED, unusable=FAILED)
    found = json.loads(await parts.contents.read(account_id, run.outputs[0]))
    for group in found["duplicateGroups"]:
        for told in group["files"]:
            told["filename"] = sent.files[told.pop("index")].sent_name
    return answer(found)


def _given(fields: dict[str, str]) -> object:
    """The settings. A threshold that stands in the form by itself counts in their place."""
    if _THRESHOLD in fields:
        return {_THRESHOLD: read_json(fields[_THRESHOLD] or "null")}
    return read_json(fields.get(SETTINGS, "").strip() or "{}")
