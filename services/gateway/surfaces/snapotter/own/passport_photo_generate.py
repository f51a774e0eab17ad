"""`passport-photo/generate`: a photo, and a sheet of copies, of what a job of the first step has cut out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from darkroom.files.v1 import file_pb2
from services.gateway.surfaces.snapotter.bodies import json_body
from services.gateway.surfaces.snapotter.calls.tool_calls import download_path
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.jobs.ids import JobKind
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.own.passport_photo_analyze import ANALYSIS
from services.gateway.surfaces.snapotter.runs import Kept, failure
from services.gateway.surfaces.snapotter.tool_settings import settings_of
from services.gateway.surfaces.snapotter.tools import passport_photo_generate as generate
from services.gateway.surfaces.snapotter.tools._passport import demanded
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.pictures.passport_photos import DOCUMENT_LABEL
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_CUT_OUT = 2
"""Which result of the first step is the picture without its background, from 0."""


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply. An unknown country is refused before the job is looked up."""
    account_id = identity.account_id
    settings = settings_of(await json_body(request), generate.SETTINGS)
    photo = demanded(settings)
    cut = await _cut_out(parts, account_id, settings.job_id, settings.filename)
    plan = generate.plan(settings, settings.filename)
    kept = Kept(tool.id, [settings.filename], plan.name, others=plan.others, exact=True)
    run = await parts.run(request, account_id, [cut.id], plan.operations, kept, failed=generate.FAILED, unusable=generate.FAILED)
    job_id, made = parts.job_id(account_id, run), run.outputs[0].image
    body: dict[str, object] = {
        "jobId": job_id,
        "downloadUrl": download_path(job_id, plan.name or ""),
        "dimensions": {
            "widthMm": photo.width_mm,
            "heightMm": photo.height_mm,
            "widthPx": made.width,
            "heightPx": made.height,
            "dpi": plan.operations[0].passport_photo.dpi,
        },
        "spec": {
            "country": photo.name,
            "countryCode": photo.code,
            "documentType": settings.document_type,
            "documentLabel": DOCUMENT_LABEL,
        },
    }
    return answer(body | ({"printDownloadUrl": download_path(job_id, plan.others[0])} if plan.others else {}))


async def _cut_out(parts: OwnParts, account_id: int, job_id: str, name: str) -> file_pb2.File:
    """What the first step has cut out of a file. Raises `Refusal` for a job that is none of the account's, or of another file."""
    unknown = Refusal(422, generate.FAILED, details="There is no such job, or its files are gone.")
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
    if kept is None or kept.tool != ANALYSIS or list(kept.inputs) != [name] or failure(run) is not None or len(run.outputs) <= _CUT_OUT:
        raise unknown
    return run.outputs[_CUT_OUT]
