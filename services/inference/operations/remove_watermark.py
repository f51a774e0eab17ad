"""Remove watermarks from a picture."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

import numpy as np

from darkroom.operations.v1.remove_watermark_pb2 import RemoveWatermark
from services.inference.contract.flow import NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Step
from services.inference.media import Effort, Header, Image, Saving, encode_into, in_format
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_in_boxes
from services.inference.watermark.report import Report
from services.inference.watermark.searching import inpainting, paint, search
from services.pictures.media_format import MediaFormat

_COPIES, _COPIES_OF_WIDE = 16, 12
"""Copies of the decoded samples, with 8 and with 16 bits, at the peak.

Measured on 12 megapixels (34 MiB of samples), with the network in another process: 500 MiB where a slanted word was looked for, 582 MiB for
the same in a box around most of the picture, 728 MiB for tiles; 295 MiB where nothing was found, and 315 MiB on 2 megapixels.
"""


def peak_memory(picture: Header, _parameters: RemoveWatermark) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, parameters: RemoveWatermark, step: Step) -> Image | Several:
    """The picture without the marks in the boxes or, without boxes, those that surely are marks; a notice for each of them. If asked, the
    mask of what was changed, too."""
    step.label("clean")
    doing = "Removing the watermark" if parameters.boxes else "Looking for watermarks"
    step.report(0, doing)
    watching = Watching(lambda done: step.report(done, doing), step.check)
    if parameters.boxes:
        boxes = [Box.from_percent(box.x1, box.y1, box.x2, box.y2, image.width, image.height) for box in parameters.boxes]
        result, report = await asyncio.to_thread(remove_in_boxes, image, boxes, paint(step), inpainting(step), watching)
    else:
        result, report = await search(image, step, watching)
    _tell(step, report, image, drawn=bool(parameters.boxes))
    result = in_format(result, parameters.format)
    return Several(result, [await asyncio.to_thread(_mask, image, report, step)]) if parameters.mask else result


def _mask(image: Image, report: Report, step: Step) -> NewFile:
    """Which pixels were changed, as a file in the step's folder."""
    changed = np.zeros((image.height, image.width, 1), np.uint8)
    if report.mask is not None:
        changed[report.mask] = 255
    target = step.folder / "mask"
    encode_into(target, Image(changed), Saving(MediaFormat.PNG, Effort.LITTLE))
    name = f"{PurePosixPath(step.source_name).stem or 'picture'}-mask.png"
    return NewFile(target, MediaFormat.PNG.media_type, "png", name=name, width=image.width, height=image.height)


def _tell(step: Step, report: Report, image: Image, *, drawn: bool) -> None:
    for mark in (*report.removed_marks, *report.kept_marks):
        code = "watermark_removed" if mark.methods else "watermark_kept"
        places = [] if mark.methods else [mark.box.to_percent(image.width, image.height)]
        step.notice(code, "", f"{step.source_name}: {mark.describe()} {mark.fate}.", mark.to_dict(), places)
    if not report.removed_marks:
        next_step = (
            "If there is one, draw a box that fits it closely."
            if drawn
            else "If there is one, draw a box around it: mode manual, with boxes."
        )
        message = f"No definite watermark was found in {step.source_name}, so its pixels are unchanged. {next_step}"
        step.notice("no_watermark_found", "", message, {"why": "drawn"} if drawn else None)
