"""`erase-object`: the parts `mask` and another picture, and fields for how the result is written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.background import kept_with
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tool_settings import INVALID, read_json, settings_of
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity

_MASK = "mask"
_NO_MASK = "No mask image provided: send it in the part `mask`"
_WHOLE = re.compile(r"[0-9]{1,9}")


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. Of several pictures, or masks, the last one counts."""
    account_id = identity.account_id
    sent = await parts.forms.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        pictures, masks = ([file for file in sent.files if (file.part == _MASK) is masking] for masking in (False, True))
        if not pictures:
            raise Refusal(400, NO_FILE)
        if not masks:
            raise Refusal(400, _NO_MASK)
        picture, mask = pictures[-1], masks[-1]
        for file, what in ((picture, "image"), (mask, _MASK)):
            if file.problem:
                raise Refusal(400, f"Invalid {what}: {file.problem}")
        settings = settings_of(_given(sent.fields), tool.settings)
        plan = tool.plan(settings, picture.working_name)
        plan.operations[0].erase.mask_file_id = mask.file_id
        kept = kept_with(tool, [picture.working_name], plan, settings)
        reply = await parts.background.begin(tool, account_id, sent, [picture.file_id], plan.operations, kept)
        await parts.forms.discard_files(account_id, {*sent.file_ids} - {picture.file_id, mask.file_id})
    return reply


def _given(fields: Mapping[str, str]) -> object:
    """The settings: fields of the form count before those of the same name in its settings."""
    given = read_json(fields.get(SETTINGS, "").strip() or "{}")
    if not isinstance(given, dict):
        raise Refusal(400, INVALID, details="must be an object")
    alone = {name: fields[name] for name in ("format", "quality") if fields.get(name)}
    quality = alone.get("quality", "")
    return given | alone | ({"quality": int(quality)} if _WHOLE.fullmatch(quality) else {})
