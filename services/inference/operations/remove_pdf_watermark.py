"""Remove watermarks from a PDF."""

from __future__ import annotations

from darkroom.operations.v1.remove_pdf_watermark_pb2 import RemovePdfWatermark
from services.inference.contract.flow import Attachment, Document, Examination
from services.inference.contract.step import Step
from services.inference.pdf import isolated
from services.inference.pdf.notices import report_of, tell
from services.platform.sandbox import SandboxError

_MOST_TOLD = 100
_NEXT_STEP = "If there is one, draw a box around it: mode ai, with boxes."
_SEARCHED = 0.8  # share of the time; cutting and verifying take the rest


async def run(document: Document, parameters: RemovePdfWatermark, step: Step) -> Document | Examination:
    """The document without its watermarks, written next to it by a child process; one without a mark stays the same, byte for byte.

    For a dry run, the report and a picture of what would be done.
    """

    def progress(page: int, pages: int) -> None:
        step.report(_SEARCHED * page / pages, f"Page {page} of {pages}")

    own = step.folder / "document"
    asked = parameters.remove_likely, parameters.allow_signed, parameters.owner_password
    own.mkdir(mode=0o700, exist_ok=True)
    target, limits = own / "clean", step.tools.documents.of(document.pages)
    if parameters.dry_run:
        preview = own / "preview"
        outcome = await step.tools.sandbox.run(
            isolated.examine, document.path, target, preview, *asked, reads=[document.path], folder=own, on_progress=progress, limits=limits
        )
        tell(step, outcome, dry=True)
        await _tell_scanned(document, step)
        return Examination((report_of(step, outcome, dry=True), Attachment("preview", "png", "image/png", preview)))
    step.label("clean")
    outcome = await step.tools.sandbox.run(
        isolated.clean, document.path, target, *asked, reads=[document.path], folder=own, on_progress=progress, limits=limits
    )
    tell(step, outcome)
    await _tell_scanned(document, step)
    if not outcome["changed"]:
        message = f"No definite watermark was found in {step.source_name}, so it was left unchanged. {_NEXT_STEP}"
        step.notice("no_watermark_found", "", message)
    return Document(target, outcome["pages"], (report_of(step, outcome),) if parameters.report else ())


async def _tell_scanned(document: Document, step: Step) -> None:
    try:
        pages: list[int] = await step.tools.sandbox.run(
            isolated.scans, document.path, reads=[document.path], folder=step.folder / "document", limits=step.tools.documents.of(0)
        )
    except SandboxError:
        return
    if pages:
        which = f"page {pages[0]} is a picture" if len(pages) == 1 else f"{len(pages)} pages from page {pages[0]} on are pictures"
        message = f"{step.source_name}: {which}, which were not searched for marks. Mode ai (redraw_pdf) searches pictures."
        step.notice("pictures_not_searched", "", message, {"pages": pages[:_MOST_TOLD]})
