"""Tools that lay one picture of a form over another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import FAILED, SETTINGS, told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


@dataclass(frozen=True, slots=True)
class Roles:
    """How a tool calls its two pictures, and in which order it checks them."""

    part: str
    """The name of the form's part with the picture that is laid over."""
    no_base: str
    no_overlay: str
    settings_checked: Literal["second", "last"]


async def laid_over(parts: OwnParts, tool: Tool, request: Request, identity: Identity, roles: Roles) -> Response:
    """The reply. Of several pictures with the same role, the last one counts."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        base = _last([file for file in sent.files if file.part != roles.part], roles.no_base)
        text = sent.fields.get(SETTINGS, "")
        if roles.settings_checked == "second":
            read_settings(text, tool.settings)
        overlay = _last([file for file in sent.files if file.part == roles.part], roles.no_overlay)
        plan = tool.plan(read_settings(text, tool.settings), base.working_name)
        for file in (base, overlay):
            if file.problem:
                raise Refusal(422, FAILED, details=f"{file.name}: {file.problem}")
        plan.operations[0].compose.overlay_file_id = overlay.file_id
        kept = Kept(tool.id, [base.working_name], base.working_name, keeps_name=True)
        run = await parts.run(request, account_id, [base.file_id], plan.operations, kept, failed=FAILED, unusable=FAILED)
        await parts.forms.discard_files(account_id, {*sent.file_ids} - {base.file_id, overlay.file_id})
    return answer(told(parts.job_id(account_id, run), base.size, run))


def _last(files: list[SentFile], missing: str) -> SentFile:
    if not files:
        raise Refusal(400, missing)
    return files[-1]
