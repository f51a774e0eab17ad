"""What the tools for PDFs share. Of several files in a form, the last one counts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import in_words, succeeded
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import Accepts, Sent, SentFile
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.gateway.surfaces.snapotter.tools.plan import Plan
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

LOCKED = "Password-protected PDFs are not supported"
UNREADABLE = "Failed to read PDF"


async def sent_pdf(parts: OwnParts, request: Request, account_id: int) -> Sent:
    """What a form holds. Raises `Refusal` if that is no file."""
    sent = await parts.read(request, account_id, "last", accepts=Accepts.PDFS)
    if not sent.files:
        raise Refusal(400, "No PDF file provided")
    return sent


def check_pdf(file: SentFile, failed: str, status: int) -> None:
    """Refuse a file that is known to be unusable. Raises `Refusal`."""
    if file.problem_reason is ErrorReason.FILE_ENCRYPTED:
        raise Refusal(400, LOCKED)
    if file.problem:
        raise Refusal(status, failed, details=file.problem)


async def run_on_pdf(
    parts: OwnParts, tool: Tool, plan: Plan, request: Request, account_id: int, file: SentFile, failed: str, status: int
) -> run_service_pb2.Run:
    """A run that has succeeded. Raises `Refusal`: with `status` and `failed` for what is not a usable PDF."""
    kept = Kept(tool.id, [file.name], plan.name)
    try:
        run = await parts.runs.run(request, account_id, [file.file_id], plan.operations, kept)
    except DarkroomError as error:
        if error.reason is ErrorReason.FILE_ENCRYPTED:
            raise Refusal(400, LOCKED) from error
        worded = in_words(error, failed, failed)
        raise Refusal(status, failed, details=worded.details) if isinstance(worded, Refusal) else worded from error
    match run.error.reason:
        case ErrorReason.FILE_ENCRYPTED.number:
            raise Refusal(400, LOCKED)
        case ErrorReason.FIELD_INVALID.number:
            # It begins with the file's name.
            raise Refusal(400, run.error.message.rpartition(": ")[2])
        case ErrorReason.FILE_CORRUPT.number:
            raise Refusal(status, failed, details=run.error.message)
    return succeeded(run, failed)


async def looked_into(parts: OwnParts, tool: Tool, plan: Plan, request: Request, identity: Identity) -> Response:
    """What an operation tells of a PDF. Anything else is refused with 400."""
    account_id = identity.account_id
    sent = await sent_pdf(parts, request, account_id)
    async with parts.kept(account_id, sent):
        check_pdf(sent.files[0], UNREADABLE, 400)
        run = await run_on_pdf(parts, tool, plan, request, account_id, sent.files[0], UNREADABLE, 400)
    found: Mapping[str, object] = json.loads(await parts.contents.read(account_id, run.outputs[0]))
    return answer(found)
