"""Tools that read and make PDFs. If a form has several PDFs, the last one counts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.pdf_tools_pb2 import (
    ImageToPdfSettings,
    PdfToImageInfoSettings,
    PdfToImagePreviewSettings,
    PdfToImageSettings,
    TargetSize,
)
from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1 import make_pdf_pb2, pdf_pages_pb2
from darkroom.operations.v1.inspect_pdf_pb2 import InspectPdf
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.calls.tool_calls import in_words, require_success
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import Accepts, FormContent, SentFile
from services.gateway.surfaces.snapotter.names import download_path
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, ReferencedFile, Sources, Tool
from services.gateway.surfaces.snapotter.tools.context import ToolContext, check_each, settings_in
from services.gateway.surfaces.snapotter.tools.writing import FORMATS
from services.pictures.page_list import BadPageList, ranges_of
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_LOCKED = "Password-protected PDFs are not supported"
_UNREADABLE = "Failed to read PDF"
_ARCHIVE = "pdf-pages.zip"
_COLORS = {
    "color": pdf_pages_pb2.PAGE_COLOR_COLOR,
    "grayscale": pdf_pages_pb2.PAGE_COLOR_GRAY,
    "bw": pdf_pages_pb2.PAGE_COLOR_BLACK_WHITE,
}
_LEAST_BYTES = 50 << 10
"""That may be asked for."""
_TOO_SMALL = "Target size must be at least 50KB"
_UNITS = {"KB": 1 << 10, "MB": 1 << 20}
_LARGEST, _MOST = 1 << 62, (1 << 32) - 1
"""The limits of requested sizes, in bytes."""
_SIZES = {
    "A4": make_pdf_pb2.PAPER_SIZE_A4,
    "Letter": make_pdf_pb2.PAPER_SIZE_LETTER,
    "A3": make_pdf_pb2.PAPER_SIZE_A3,
    "A5": make_pdf_pb2.PAPER_SIZE_A5,
}
_ORIENTATIONS = {
    "portrait": make_pdf_pb2.PAPER_ORIENTATION_PORTRAIT,
    "landscape": make_pdf_pb2.PAPER_ORIENTATION_LANDSCAPE,
}


def _pdf_to_image(settings: PdfToImageSettings, _name: str) -> Plan:
    """Pictures of pages, and an archive of them."""
    pages = pdf_pages_pb2.PdfPages(
        format=FORMATS[settings.format],
        dpi=round(settings.dpi),
        quality=round(settings.quality),
        color=_COLORS[settings.color_mode],
        pages=settings.pages,
        separate=True,
    )
    return Plan([Operation(pdf_pages=pages)], _ARCHIVE)


async def _serve_pages(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    account_id = identity.account_id
    async with context.form(request, account_id, "last", accepts=Accepts.PDFS) as sent:
        file = _pdf_in(sent)
        settings = settings_in(sent, tool)
        try:
            ranges_of(settings.pages)
        except BadPageList as error:
            raise Refusal(400, str(error)) from error
        run = await _run(context, tool, tool.plan(settings, file.name), request, account_id, file, 422)
    found = next(json.loads(notice.details_json) for notice in run.notices if notice.code == "pages")
    job_id, (archive, *pictures) = context.job_id(account_id, run), run.outputs
    # If there are very many pages, only the archive has all.
    listed = [
        {"page": page, "downloadUrl": download_path(job_id, picture.name), "size": picture.size_bytes}
        for page, picture in zip(found["pages"], pictures, strict=False)
    ]
    return answer(
        {
            "jobId": job_id,
            "pageCount": found["page_count"],
            "selectedPages": found["pages"],
            "format": settings.format,
            "pages": listed,
            "zipUrl": download_path(job_id, _ARCHIVE),
            "zipSize": archive.size_bytes,
        }
    )


def _pdf_in(sent: FormContent) -> SentFile:
    if not sent.files:
        raise Refusal(400, "No PDF file provided")
    return sent.files[0]


async def _run(
    context: ToolContext, tool: Tool, plan: Plan, request: Request, account_id: int, file: SentFile, status: int
) -> run_service_pb2.Run:
    """A run that has succeeded. Raises `Refusal`: with `status` and in the tool's words for what is not a usable PDF."""
    if file.problem_reason is ErrorReason.FILE_ENCRYPTED:
        raise Refusal(400, _LOCKED)
    if file.problem:
        raise Refusal(status, tool.failure_message, details=file.problem)
    try:
        run = await context.runs.run(request, account_id, [file.file_id], plan.operations, RunRecord(tool.id, [file.name], plan.name))
    except DarkroomError as error:
        if error.reason is ErrorReason.FILE_ENCRYPTED:
            raise Refusal(400, _LOCKED) from error
        worded = in_words(error, tool.failure_message, tool.failure_message)
        raise Refusal(status, tool.failure_message, details=worded.details) if isinstance(worded, Refusal) else worded from error
    match run.error.reason:
        case ErrorReason.FILE_ENCRYPTED.number:
            raise Refusal(400, _LOCKED)
        case ErrorReason.FIELD_INVALID.number:
            # It begins with the file's name.
            raise Refusal(400, run.error.message.rpartition(": ")[2])
        case ErrorReason.FILE_CORRUPT.number:
            raise Refusal(status, tool.failure_message, details=run.error.message)
    return require_success(run, tool.failure_message)


def _check_pages(settings: PdfToImageSettings, _operation: Operation, _sources: Sources) -> Sequence[ReferencedFile]:
    try:
        ranges_of(settings.pages)
    except BadPageList as error:
        raise Refusal(400, str(error), details=[{"path": "pages", "message": str(error)}]) from error
    return ()


def _info(_settings: PdfToImageInfoSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_pdf=InspectPdf())])


def _preview(_settings: PdfToImagePreviewSettings, _name: str) -> Plan:
    return Plan([Operation(inspect_pdf=InspectPdf(thumbnails=True))])


def _limit_thumbnails(_settings: PdfToImagePreviewSettings, operation: Operation, sources: Sources) -> Sequence[ReferencedFile]:
    operation.inspect_pdf.max_thumbnails = sources.most_pages
    return ()


async def _serve_inspection(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The findings of an operation in a PDF. Anything else is refused with 400."""
    account_id, settings = identity.account_id, tool.settings()
    plan = tool.plan(settings, "")
    tool.as_task.complete(settings, plan.operations[0], Sources(most_pages=context.settings.max_pdf_pages))
    async with context.form(request, account_id, "last", accepts=Accepts.PDFS) as sent:
        run = await _run(context, tool, plan, request, account_id, _pdf_in(sent), 400)
    return answer(await context.document(account_id, run))


def _image_to_pdf(settings: ImageToPdfSettings, _name: str) -> Plan:
    """A document with a page for each file."""
    pdf = make_pdf_pb2.MakePdf(
        paper_size=_SIZES[settings.page_size],
        orientation=_ORIENTATIONS[settings.orientation],
        margin=settings.margin,
        first_page_only=True,
    )
    if settings.HasField("target_size"):
        pdf.max_bytes = min(_target_bytes(settings.target_size), _MOST)
    return Plan([Operation(make_pdf=pdf)], "images.pdf")


def _target_bytes(target: TargetSize) -> int:
    """Most bytes that the file should have."""
    return math.floor(min(target.value * _UNITS[target.unit], _LARGEST) + 0.5)


def _is_too_small(settings: ImageToPdfSettings) -> bool:
    return settings.HasField("target_size") and _target_bytes(settings.target_size) < _LEAST_BYTES


def _check_target(settings: ImageToPdfSettings, _operation: Operation, _sources: Sources) -> Sequence[ReferencedFile]:
    if _is_too_small(settings):
        raise Refusal(400, _TOO_SMALL, details=[{"path": "targetSize", "message": _TOO_SMALL}])
    return ()


async def _serve_document(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        if not sent.files:
            raise Refusal(400, "No image files provided")
        settings = settings_in(sent, tool)
        if _is_too_small(settings):
            raise Refusal(400, _TOO_SMALL)
        check_each(sent.files, tool.failure_message)
        plan = tool.plan(settings, "")
        kept = RunRecord(tool.id, [file.working_name for file in sent.files], plan.name)
        run = await context.run(tool, request, account_id, sent.file_ids, plan.operations, kept, unusable=tool.failure_message)
    return answer(context.body(account_id, run, *sent.files) | {"pages": len(sent.files)} | _compression(settings, run))


def _compression(settings: ImageToPdfSettings, run: run_service_pb2.Run) -> dict[str, object]:
    """The facts for a requested size."""
    for notice in run.notices:
        if notice.code == "compression":
            found = json.loads(notice.details_json)
            requested = _target_bytes(settings.target_size)
            return {"compression": {"targetRequested": requested, "targetMet": found["met"], "jpegQuality": found["quality"]}}
    return {}


PDF_TO_IMAGE = Tool(
    "pdf-to-image",
    PdfToImageSettings,
    _pdf_to_image,
    failure_message="PDF conversion failed",
    serve=_serve_pages,
    as_task=AsTask(complete=_check_pages),
)
PDF_TO_IMAGE_INFO = Tool("pdf-to-image-info", PdfToImageInfoSettings, _info, failure_message=_UNREADABLE, serve=_serve_inspection)
PDF_TO_IMAGE_PREVIEW = Tool(
    "pdf-to-image-preview",
    PdfToImagePreviewSettings,
    _preview,
    failure_message=_UNREADABLE,
    serve=_serve_inspection,
    as_task=AsTask(complete=_limit_thumbnails),
)
IMAGE_TO_PDF = Tool(
    "image-to-pdf",
    ImageToPdfSettings,
    _image_to_pdf,
    failure_message="PDF creation failed",
    serve=_serve_document,
    as_task=AsTask(complete=_check_target),
)
