"""Make a QR code."""

from __future__ import annotations

import asyncio

import numpy as np

from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from darkroom.operations.v1.qr_code_pb2 import QrCode
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.codes.qr import contrast, coverage, is_light_on_dark, modules_of
from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.plain.canvas import TRANSPARENT, rgb_of
from services.inference.plain.composing import compose
from services.inference.plain.graph import Work
from services.inference.plain.layout import resize_picture

_USUAL_SIZE, _USUAL_QUIET_ZONE, _USUAL_LOGO = 400, 4, 20
_COPIES = 12  # bytes a pixel: what is drawn, samples and alpha, and the logo's blending
_READABLE_CONTRAST = 3.0


def peak_memory(_picture: None, parameters: QrCode) -> int:
    """Bytes at the peak."""
    return (parameters.size or _USUAL_SIZE) ** 2 * _COPIES


async def run(_medium: None, parameters: QrCode, step: Step) -> Image:
    """The code. Raises FIELD_INVALID, and as `Step.auxiliary`."""
    step.label("qr-code")
    foreground = rgb_of(parameters.foreground or "#000000")
    transparent = parameters.background == TRANSPARENT
    background = rgb_of("" if transparent else parameters.background)
    if not transparent and contrast(foreground, background) < _READABLE_CONTRAST:
        step.notice("low_contrast", "", "The colours have too little contrast: many scanners will not read this QR code.")
    elif is_light_on_dark(parameters, foreground, background):
        step.notice("light_on_dark", "", "The QR code is lighter than its background: some scanners will not read it.")
    logo = await step.auxiliary(parameters.logo_file_id) if parameters.logo_file_id else None
    return await asyncio.to_thread(_made, parameters, foreground, background, logo, Work(step.folder, step.check))


def _made(parameters: QrCode, foreground: tuple[int, int, int], background: tuple[int, int, int], logo: Image | None, work: Work) -> Image:
    size = parameters.size or _USUAL_SIZE
    quiet = parameters.quiet_zone if parameters.HasField("quiet_zone") else _USUAL_QUIET_ZONE
    modules = modules_of(parameters.text, parameters.error_correction)
    dark = coverage(modules, quiet, size, parameters.style)
    work.check()
    if parameters.background == TRANSPARENT:
        pixels = np.empty((size, size, 3), np.uint8)
        pixels[:] = foreground
        image = Image(pixels, dark)
    else:
        # 8 bits by 8 bits in 16: exact for the ends, rounded between.
        share = dark[..., None].astype(np.uint16)
        mixed = share * np.array(foreground, np.uint16) + (255 - share) * np.array(background, np.uint16)
        image = Image(((mixed + 127) // 255).astype(np.uint8))
    if logo is None:
        return image
    side = max(1, round(size * len(modules) / (len(modules) + 2 * quiet) * (parameters.logo_percent or _USUAL_LOGO) / 100))
    shown = resize_picture(logo, Resize(width=side, height=side, fit=FIT_BOUNDS), work)
    return compose(image, shown, (size - shown.width) // 2, (size - shown.height) // 2)
