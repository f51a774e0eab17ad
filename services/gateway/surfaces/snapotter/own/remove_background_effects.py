"""`remove-background/effects`: another background for a subject that a job has cut out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS, told
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.jobs.ids import JobKind
from services.gateway.surfaces.snapotter.names import cleaned
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.runs import Kept, failure
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools import remove_background_effects as effects
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

FAILED = "Background effects failed"
PICTURE = "backgroundImage"
_CUT = "remove-background"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. No model is needed, so none is asked for."""
    account_id = identity.account_id
    sent = await parts.read(request, account_id, "all")
    async with parts.kept(account_id, sent):
        text = sent.fields.get(SETTINGS, "")
        if not text.strip():
            raise Refusal(400, "No settings provided")
        settings = read_settings(text, effects.SETTINGS)
        pictures = [file for file in sent.files if file.part == PICTURE]
        picture_id = 0
        if pictures:
            if pictures[-1].problem:
                raise Refusal(400, f"Invalid image: {pictures[-1].problem}")
            picture_id = pictures[-1].file_id
        cut = await _job(parts, account_id, settings.job_id)
        # What had no subject has no original beside it either, if it was cut out by an earlier version.
        original_id = cut.outputs[1].id if len(cut.outputs) > 1 else 0
        plan = effects.plan(settings, cleaned(settings.filename), original_id, picture_id)
        kept = Kept(tool.id, [cleaned(settings.filename)], plan.name, exact=True)
        run = await parts.run(request, account_id, [cut.outputs[0].id], plan.operations, kept, failed=FAILED, unusable=FAILED)
        await parts.forms.discard_files(account_id, {*sent.file_ids} - {picture_id})
    body = told(parts.job_id(account_id, run), 0, run)
    return answer({name: body[name] for name in ("jobId", "downloadUrl", "processedSize")})


async def _job(parts: OwnParts, account_id: int, job_id: str) -> run_service_pb2.Run:
    """The run that has cut the subject out. Raises `Refusal` for a job that is none of the account's."""
    unknown = Refusal(422, FAILED, details="There is no such job, or its files are gone.")
    job = parts.ids.read(job_id)
    if job is None or job.kind is not JobKind.TASK or job.account_id != account_id:
        raise unknown
    try:
        run = await parts.runs.open(account_id, job.number)
    except DarkroomError as error:
        if error.reason is ErrorReason.TASK_NOT_FOUND:
            raise unknown from error
        raise
    kept = Kept.read(run.kept)
    if kept is None or kept.tool != _CUT or kept.steps or failure(run) is not None:
        raise unknown
    return run
