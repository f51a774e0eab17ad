"""Passport photos: in two steps, as SnapOtter has them, or in one within batches and pipelines."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.passport_tools_pb2 import GeneratePassportPhotoSettings, PassportPhotoSettings
from darkroom.operations.v1.inspect_portrait_pb2 import InspectPortrait
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.passport_photo_pb2 import PRINT_LAYOUT_4X6, PRINT_LAYOUT_A4, PassportPhoto, PrintLayout
from services.gateway.surfaces.snapotter.bodies import json_body
from services.gateway.surfaces.snapotter.calls.tool_calls import checked_file, require_success
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import Name, download_path
from services.gateway.surfaces.snapotter.runs import RunRecord, failure
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, Tool
from services.gateway.surfaces.snapotter.tool_settings import settings_of
from services.gateway.surfaces.snapotter.tools.context import ToolContext
from services.gateway.surfaces.snapotter.tools.writing import round_half_up
from services.pictures.passport_photos import DOCUMENT_LABEL, NO_FACE, CountryPhoto, photo_for
from services.platform.identity import Identity

_FAILED = "Passport photo generation failed"
_ANALYSIS_FAILED = "Passport photo analysis failed"
_ANALYSIS = "passport-photo-analyze"
"""The record of the run of the first step, by which the second knows it."""
_CUT_OUT = 2
"""Which result of the first step is the picture without its background, from 0."""
_LAYOUTS: Mapping[str, PrintLayout.ValueType] = {"4x6": PRINT_LAYOUT_4X6, "a4": PRINT_LAYOUT_A4}
_MOST_BYTES = 2**32 - 1
_LONGEST_REPEATED = 20
_FARTHEST = 10.0
"""Photos away, there is nothing of the picture."""


def _passport_photo(settings: PassportPhotoSettings, name: str) -> Plan:
    """The face is found and the photo made in one step. Raises `Refusal` for an unknown country."""
    return Plan([Operation(passport_photo=_photo(settings))], _photo_name(name))


def _generation(settings: GeneratePassportPhotoSettings, name: str) -> Plan:
    """A photo of a cut-out, with its face where the caller says; it needs no model. Raises `Refusal` for an unknown country."""
    photo, points = _photo(settings), settings.landmarks
    photo.cut_out = True
    photo.head.crown_y, photo.head.chin_y = points.crown.y, points.chin.y
    photo.head.eyes_y, photo.head.center_x = points.eye_center.y, points.face_center_x
    others = []
    if settings.print_layout in _LAYOUTS:
        photo.print_layout = _LAYOUTS[settings.print_layout]
        others = [f"{Name.of(name).stem}_passport_print_{settings.print_layout}.jpg"]
    return Plan([Operation(passport_photo=photo)], _photo_name(name), others=others)


def _photo_name(name: str) -> str:
    return f"{Name.of(name).stem}_passport.jpg"


def _demands(settings: GeneratePassportPhotoSettings | PassportPhotoSettings) -> CountryPhoto:
    """The requirements of the country. Raises `Refusal` for an unknown one, unless the settings have a width of their own."""
    photo = photo_for(settings.country_code, settings.custom_width_mm, settings.custom_height_mm)
    if photo is None:
        raise Refusal(400, f"Unknown country code: {settings.country_code[:_LONGEST_REPEATED]}")
    return photo


def _photo(settings: GeneratePassportPhotoSettings | PassportPhotoSettings) -> PassportPhoto:
    """The operation, without the head. Raises as `_demands`."""
    photo = _demands(settings)
    return PassportPhoto(
        country_code=photo.code if photo_for(settings.country_code) is not None else "",
        width_mm=photo.width_mm,
        height_mm=photo.height_mm,
        background_color=settings.bg_color,
        dpi=round_half_up(settings.dpi),
        zoom=settings.zoom,
        adjust_x=min(max(settings.adjust_x, -_FARTHEST), _FARTHEST),
        adjust_y=min(max(settings.adjust_y, -_FARTHEST), _FARTHEST),
        max_bytes=min(round_half_up(settings.max_file_size_kb * 1024), _MOST_BYTES),
    )


async def _serve_pointer(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    raise Refusal(400, "Use /api/v1/tools/passport-photo/analyze or /generate")


async def _serve_analysis(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The picture without its background, and the place of the face. If a form has several files, the last one counts."""
    account_id = identity.account_id
    async with context.form(request, account_id, "last") as sent:
        file = checked_file(sent)
        operations, kept = [Operation(inspect_portrait=InspectPortrait())], RunRecord(_ANALYSIS, [file.working_name])
        run = await context.calls.start(request, account_id, [file.file_id], operations, kept, failure_message=_ANALYSIS_FAILED)
    if NO_FACE in (failure(run) or ""):
        raise Refusal(422, NO_FACE)
    preview = require_success(run, _ANALYSIS_FAILED).outputs[1]
    found = await context.document(account_id, run)
    picture = await context.contents.read(account_id, preview)
    return answer(
        {
            "jobId": context.job_id(account_id, run),
            "filename": file.working_name,
            "preview": base64.b64encode(picture).decode(),
            "previewWidth": preview.image.width,
            "previewHeight": preview.image.height,
            "landmarks": found["landmarks"],
            "imageWidth": found["imageWidth"],
            "imageHeight": found["imageHeight"],
        }
    )


async def _serve_generation(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """A photo, and a sheet of copies, of what a job of the first step has cut out. An unknown country is refused before the job is read."""
    account_id = identity.account_id
    settings = settings_of(await json_body(request), GeneratePassportPhotoSettings)
    photo, name = _demands(settings), settings.filename
    first, analysis = await context.run_of_job(account_id, settings.job_id, _ANALYSIS, tool.failure_message)
    if list(first.inputs) != [name] or len(analysis.outputs) <= _CUT_OUT:
        raise Refusal(422, tool.failure_message, details="There is no such job, or its files are gone.")
    plan = tool.plan(settings, name)
    kept = RunRecord(tool.id, [name], plan.name, others=plan.others, exact=True)
    cut_out = analysis.outputs[_CUT_OUT].id
    run = await context.run(tool, request, account_id, [cut_out], plan.operations, kept, unusable=tool.failure_message)
    job_id, image = context.job_id(account_id, run), run.outputs[0].image
    body: dict[str, object] = {
        "jobId": job_id,
        "downloadUrl": download_path(job_id, plan.name or ""),
        "dimensions": {
            "widthMm": photo.width_mm,
            "heightMm": photo.height_mm,
            "widthPx": image.width,
            "heightPx": image.height,
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


PASSPORT_PHOTO = Tool(
    "passport-photo",
    PassportPhotoSettings,
    _passport_photo,
    pipeline=True,
    needs_models=True,
    failure_message=_FAILED,
    serve=_serve_pointer,
    steps={"analyze": _serve_analysis},
)
PASSPORT_PHOTO_GENERATE = Tool(
    "passport-photo-generate",
    GeneratePassportPhotoSettings,
    _generation,
    failure_message=_FAILED,
    serve=_serve_generation,
    as_task=AsTask(instead="It works on what a job has found. Plan passport-photo, which finds the face and makes the photo."),
)
