"""Read the text in a picture."""

from __future__ import annotations

import asyncio

from darkroom.operations.v1.read_text_pb2 import TEXT_QUALITY_BEST, TEXT_QUALITY_FAST, ReadText
from services.inference.contract.flow import Data
from services.inference.contract.step import Step
from services.inference.media import Header, Image
from services.inference.ocr.contrast import on_ground, stretch_contrast
from services.inference.ocr.detection import Pixels8
from services.inference.ocr.finding import Finding, found_lines
from services.inference.ocr.languages import require
from services.inference.ocr.recognition import Recogniser
from services.inference.ocr.telling import text_reply

_COPIES = 3  # of the decoded samples
_PIXEL = 24
"""Bytes for each pixel: it in sRGB, smaller, with more contrast, and where it has text."""
_BASE = 160 << 20
"""Bytes of what goes to the networks and comes back, and of lines."""
_ENGINES = {"ppocr_rec": "paddleocr-v6"}
"""The names of the catalogue's models; any other has its own name."""


def peak_memory(picture: Header, _parameters: ReadText) -> int:
    """Bytes at the peak."""
    return picture.samples_bytes * _COPIES + picture.width * picture.height * _PIXEL + _BASE


async def run(image: Image, parameters: ReadText, step: Step) -> Data:
    """The text. Raises FIELD_INVALID for a language without letters, and OPERATION_UNAVAILABLE without the networks."""
    step.label("text")
    require(parameters.language)
    step.report(0, "Reading")
    models, triton = step.tools.models, step.tools.triton
    recogniser = Recogniser(triton.model(models.text), triton.model(models.reading), step.check)
    pixels = await asyncio.to_thread(_seen, image, enhance=parameters.enhance)
    finding = {TEXT_QUALITY_FAST: Finding.FAST, TEXT_QUALITY_BEST: Finding.BEST}.get(parameters.quality, Finding.BALANCED)
    lines = await found_lines(recogniser, pixels, finding)
    step.report(0.5, "Reading")
    found = await recogniser.legible(pixels, lines)
    engine = _ENGINES.get(models.reading, models.reading)
    return Data(await asyncio.to_thread(text_reply, found, parameters.language) | {"engine": engine})


def _seen(image: Image, *, enhance: bool) -> Pixels8:
    pixels = on_ground(image)
    return stretch_contrast(pixels) if enhance else pixels
