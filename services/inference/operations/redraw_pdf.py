"""Remove watermarks from a PDF, redrawing the pages that show one."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from darkroom.operations.v1.redraw_pdf_pb2 import RedrawPdf
from darkroom.operations.v1.remove_watermark_pb2 import PercentBox
from services.inference.contract.flow import Document
from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.media.isolated import samples_in
from services.inference.ocr.detection import Pixels8
from services.inference.ocr.recognition import Recogniser
from services.inference.pdf import isolated
from services.inference.pdf.notices import report_of, tell, warn
from services.inference.pdf.texts import TOO_LARGE
from services.inference.redraw.encoding import write_page
from services.inference.redraw.isolated import rebuild, render_page, settle
from services.inference.redraw.stamped import stamped_lines
from services.inference.redraw.text_layer import Runs, coverage_test, recognised_runs, without_mark
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_on_page
from services.inference.watermark.report import Mark, Report
from services.inference.watermark.searching import inpainting, paint, search
from services.platform.errors import DarkroomError, ErrorReason

_CUT = 0.05  # share of the time
_AT_ONCE = 3  # pages: one being drawn by its process, one at the model server, one being repaired


async def run(document: Document, parameters: RedrawPdf, step: Step) -> Document:
    """The document without its marks: those in its drawing operations are cut out, and pages that still show one are redrawn."""
    step.label("clean")
    step.report(0, "Looking for marks in the document")
    # The former is for child processes, the latter for this one.
    own, pages = step.folder / "document", step.folder / "pages"
    own.mkdir(mode=0o700, exist_ok=True)
    cut, mended, target = (own / name for name in ("cut", "mended", "redrawn"))
    run_child = partial(step.tools.sandbox.run, folder=own, limits=step.tools.documents.of(document.pages))
    asked = parameters.remove_likely, parameters.allow_signed, parameters.owner_password
    outcome = await run_child(isolated.clean, document.path, cut, *asked, reads=[document.path], on_progress=lambda *_: None)
    tell(step, outcome)
    settled = await run_child(settle, cut, mended)
    count, readable = settled["pages"], mended if settled["mended"] else cut
    await asyncio.to_thread(pages.mkdir)
    reports, large = await _all_pages(readable, count, pages, parameters, step)
    found = [{"page": page + 1, **mark.to_dict()} for page, report in sorted(reports.items()) for mark in report.marks]
    redrawn = sorted(page + 1 for page, report in reports.items() if report.removed_marks)
    _tell(step, reports)
    if not redrawn and not outcome["changed"]:
        next_step = "draw boxes that fit it closely." if parameters.boxes else "draw a box around it: mode ai, with boxes."
        message = f"No definite watermark was found in {step.source_name}, so it was left unchanged. If there is one, {next_step}"
        step.notice("no_watermark_found", "", message, {"why": "drawn"} if parameters.boxes else None)
    warnings = [TOO_LARGE.format(page=page + 1, width=f"{size[0]:.0f}", height=f"{size[1]:.0f}") for page, size in sorted(large.items())]
    if redrawn:
        rebuilt = await run_child(rebuild, readable, pages, target, reads=[pages])
        warnings += [*settled["warnings"], *rebuilt["warnings"]]
    warnings = [warning for warning in dict.fromkeys(warnings) if warning not in outcome["warnings"]]
    for warning in warnings:
        warn(step, warning)
    outcome = {**outcome, "pages": count, "changed": outcome["changed"] or bool(redrawn), "warnings": [*outcome["warnings"], *warnings]}
    attachments = (report_of(step, {**outcome, "redrawn_pages": redrawn, "in_pictures": found}),) if parameters.report else ()
    return Document(target if redrawn else cut, count, attachments)


async def _all_pages(
    source: Path, count: int, pages: Path, parameters: RedrawPdf, step: Step
) -> tuple[dict[int, Report], dict[int, Sequence[float]]]:
    """The reports of the pages with findings, and the sizes of pages that are too large, by page from 0.

    A few pages are processed at a time, and nothing of a finished one stays in memory.
    """
    reports: dict[int, Report] = {}
    large: dict[int, Sequence[float]] = {}
    numbers = iter(range(count))
    done = 0

    async def work() -> None:
        nonlocal done
        for number in numbers:
            step.check()
            found = await _page(source, number, pages, parameters, step)
            if not isinstance(found, Report):
                large[number] = found
            elif found.marks:
                reports[number] = found
            done += 1
            step.report(_CUT + (1 - _CUT) * done / count, f"Page {done} of {count}")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, count)):
                group.create_task(work())
    except BaseExceptionGroup as several:
        # They fail alike: raise the first.
        raise next(_leaves(several)) from several
    return reports, large


async def _page(source: Path, number: int, pages: Path, parameters: RedrawPdf, step: Step) -> Report | Sequence[float]:
    """Redraw one page into the folder `pages` if it surely shows a mark; for one that is too large, its width and height in inches."""
    samples = source.with_name(f"{number}.samples")
    described: dict[str, Any] = await step.tools.sandbox.run(
        render_page, source, number, samples, folder=source.parent, limits=step.tools.documents.of(0)
    )
    if "too_large" in described:
        return tuple(described["too_large"])
    pixels = await asyncio.to_thread(lambda: samples_in(samples, np.uint8, math.prod(described["shape"])).reshape(described["shape"]))
    await asyncio.to_thread(samples.unlink)
    image, watching = Image(pixels), Watching(lambda _: None, step.check)
    if parameters.boxes:
        boxes = [_box(box, described["turned"], image) for box in parameters.boxes]
        result, report = await asyncio.to_thread(remove_on_page, image, boxes, paint(step), inpainting(step), watching)
        report.marks = report.removed_marks
    else:
        result, report = await search(image, step, watching, likely=parameters.remove_likely)
        if described["pictured"]:
            report.marks += await _stamped(pixels, step)
    if report.removed_marks:
        described["runs"] = await _text(number, described, pixels, await asyncio.to_thread(result.srgb), report, step)
        described["shape"] = await asyncio.to_thread(write_page, result, pages, number)
        await asyncio.to_thread((pages / f"{number}.json").write_text, json.dumps(described), encoding="utf-8")
    return report


def _box(shown: PercentBox, turned: int, image: Image) -> Box:
    """The pixels of a box on a page that is shown turned clockwise by so many degrees, while the picture is not."""
    left, top, right, bottom = shown.x1, shown.y1, shown.x2, shown.y2
    for _ in range(turned // 90):
        left, top, right, bottom = top, 100 - right, bottom, 100 - left
    return Box.from_percent(left, top, right, bottom, image.width, image.height)


async def _stamped(pixels: Pixels8, step: Step) -> list[Mark]:
    """Lines in the margins of a page's picture that may be stamps; none where no model reads them."""
    try:
        return await stamped_lines(_recogniser(step), pixels)
    except DarkroomError as error:
        if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
            raise
        return []


def _recogniser(step: Step) -> Recogniser:
    models, triton = step.tools.models, step.tools.triton
    return Recogniser(triton.model(models.text), triton.model(models.reading), step.check)


async def _text(number: int, described: dict[str, Any], before: Pixels8, after: Pixels8, report: Report, step: Step) -> Runs:
    """The page's own text without the mark's, and text that is only in its picture."""
    box = described["box"]
    runs = await asyncio.to_thread(without_mark, described["runs"], box, before, after, report.removed_marks)
    if runs and not described["pictured"]:
        return runs
    has = coverage_test(runs, box, after.shape)
    try:
        found = await _recogniser(step).text(after, lambda line: not has(line))
    except DarkroomError as error:
        if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
            raise
        message = "Text in pictures of pages was not recognised: this installation has no text recognition model."
        step.notice("text_not_recognised", "", message, {"page": number + 1})
        return runs
    # Remains of a mark may be read as text, too.
    read = await asyncio.to_thread(without_mark, recognised_runs(found, box, after.shape), box, before, after, report.removed_marks)
    return runs + read


def _tell(step: Step, reports: dict[int, Report]) -> None:
    for page, report in sorted(reports.items()):
        for mark in report.marks:
            code = "watermark_removed" if mark.methods else "watermark_kept"
            message = f"{step.source_name}: page {page + 1}: {mark.describe()} {mark.fate}."
            step.notice(code, "", message, {"page": page + 1, **mark.to_dict()})


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
