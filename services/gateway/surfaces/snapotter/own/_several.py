"""Tools that put the pictures of a form together."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS, told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


async def together(
    parts: OwnParts, tool: Tool, request: Request, identity: Identity, *, fewest: int, missing: str, failed: str
) -> Response:
    """The usual reply. How many files there are is checked first, then each of them, then the settings."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        if len(sent.files) < fewest:
            raise Refusal(400, missing)
        for file in sent.files:
            if file.problem:
                raise Refusal(400, f'Invalid file "{file.name}": {file.problem}')
        plan = tool.plan(read_settings(sent.fields.get(SETTINGS, ""), tool.settings), "")
        kept = Kept(tool.id, [file.working_name for file in sent.files], plan.name, keeps_name=True)
        names = {file.file_id: file.name for file in sent.files}
        run = await parts.run(request, account_id, sent.file_ids, plan.operations, kept, failed=failed, names=names)
    return answer(told(parts.job_id(account_id, run), sum(file.size for file in sent.files), run))
