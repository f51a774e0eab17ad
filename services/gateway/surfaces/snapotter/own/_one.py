"""Tools of which the last file of a form is the one, and that check nothing before they work."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, SETTINGS, told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def of_one(
    parts: OwnParts, tool: Tool, request: Request, identity: Identity, *, failed: str, checked: bool = False, missing: str = NO_FILE
) -> Response:
    """The usual reply."""
    file, run = await run_of_one(parts, tool, request, identity, failed=failed, checked=checked, missing=missing)
    return answer(told(parts.job_id(identity.account_id, run), file.size, run))


async def run_of_one(
    parts: OwnParts, tool: Tool, request: Request, identity: Identity, *, failed: str, checked: bool = False, missing: str = NO_FILE
) -> tuple[SentFile, run_service_pb2.Run]:
    """The file and its run. An unusable file is refused with 422 and the text `failed`; if `checked`, with 400, before the settings."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "last")
    async with parts.kept(account_id, sent):
        if not sent.files:
            raise Refusal(400, missing)
        [file] = sent.files
        if file.problem and checked:
            raise Refusal(400, f"Invalid image: {file.problem}")
        plan = tool.plan(read_settings(sent.fields.get(SETTINGS, ""), tool.settings), file.working_name)
        if file.problem:
            raise Refusal(422, failed, details=file.problem)
        kept = Kept(tool.id, [file.working_name], plan.name)
        unusable = "" if checked else failed
        run = await parts.run(request, account_id, [file.file_id], plan.operations, kept, failed=failed, unusable=unusable)
    return file, run
