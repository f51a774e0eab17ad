"""`pdf-to-image`: pictures of pages, and an archive of them."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.pdf_tools_pb2 import PdfToImageSettings
from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS, download_path
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.own._pdf import check_pdf, run_on_pdf, sent_pdf
from services.gateway.surfaces.snapotter.own.parts import OwnParts
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.gateway.surfaces.snapotter.tools.pdf_to_image import NAME
from services.pictures.page_list import BadPageList, ranges_of
from services.platform.identity import Identity

FAILED = "PDF conversion failed"
_PAGES = "pages"


async def serve(parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply."""
    account_id = identity.account_id
    sent = await sent_pdf(parts, request, account_id)
    async with parts.kept(account_id, sent):
        [file] = sent.files
        settings = read_settings(sent.fields.get(SETTINGS, ""), tool.settings)
        assert isinstance(settings, PdfToImageSettings)
        try:
            ranges_of(settings.pages)
        except BadPageList as error:
            raise Refusal(400, str(error)) from error
        check_pdf(file, FAILED, 422)
        run = await run_on_pdf(parts, tool, tool.plan(settings, file.name), request, account_id, file, FAILED, 422)
    return answer(_told(parts.job_id(account_id, run), settings.format, run))


def _told(job_id: str, format_: str, run: run_service_pb2.Run) -> dict[str, object]:
    found = next(json.loads(notice.details_json) for notice in run.notices if notice.code == _PAGES)
    archive, *pictures = run.outputs
    # Of very many pages, only the archive has all.
    listed = [
        {"page": page, "downloadUrl": download_path(job_id, picture.name), "size": picture.size_bytes}
        for page, picture in zip(found["pages"], pictures, strict=False)
    ]
    return {
        "jobId": job_id,
        "pageCount": found["page_count"],
        "selectedPages": found["pages"],
        "format": format_,
        "pages": listed,
        "zipUrl": download_path(job_id, NAME),
        "zipSize": archive.size_bytes,
    }
