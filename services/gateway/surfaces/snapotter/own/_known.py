"""Replies that tell what is known about one picture. Of several files in a form, the last one counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

Worded = Callable[[dict[str, Any]], dict[str, Any]]
"""What is found, as it is told."""
UNREADABLE = "Failed to read image metadata"


async def known(
    parts: OwnParts,
    tool: Tool,
    request: Request,
    identity: Identity,
    *,
    missing: str = NO_FILE,
    failed: str = UNREADABLE,
    with_size: bool = True,
    worded: Worded = lambda found: found,
    with_name: bool = True,
) -> Response:
    """What the tool finds. It has no settings, and nothing is checked before: what cannot be read is told with the text `failed`."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    sent.fields.pop(SETTINGS, None)
    if not sent.files:
        raise Refusal(400, missing)
    [file] = sent.files
    if file.problem:
        raise Refusal(422, failed, details=file.problem)
    _, run = await parts.calls.run(tool, request, account_id, sent, failed=failed, unusable=failed)
    found = json.loads(await parts.contents.read(account_id, run.outputs[0]))
    size = {"fileSize": file.size} if with_size else {}
    name = {"filename": file.sent_name} if with_name else {}
    return answer(name | size | worded(found))
