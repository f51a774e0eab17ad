"""Draw an SVG."""

from __future__ import annotations

import dataclasses
from math import isfinite

from darkroom.operations.v1.rasterize_pb2 import Rasterize
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, decode
from services.inference.media.decode import read_header
from services.inference.media.header import SVG_DPI
from services.pictures.media_format import MediaFormat, sniff

_COPIES = 3
_SAMPLES = 4
_TRIES = 3


def peak_memory(picture: Header, parameters: Rasterize) -> int:
    """Bytes at the peak."""
    scale = _scale(picture.width, picture.height, parameters) if picture.format is MediaFormat.SVG else 1
    return round(picture.width * scale * picture.height * scale) * _SAMPLES * _COPIES


def run(file: WholeFile, parameters: Rasterize, step: PlainStep) -> Image:
    """The picture; any except an SVG unchanged. Raises as `media.decode`."""
    data = file.content
    hints = file.hints
    if sniff(data) is MediaFormat.SVG and (parameters.width or parameters.height):
        # A drawing's own size may be no whole number of pixels.
        dpi = float(SVG_DPI)
        for _ in range(_TRIES):
            hints = dataclasses.replace(hints, svg_dpi=dpi)
            header = read_header(data, file.limits, hints)
            scale = _scale(header.width, header.height, parameters)
            if scale == 1 or not isfinite(scale):
                break
            dpi *= scale
            hints = dataclasses.replace(hints, svg_dpi=dpi)
    else:
        hints = dataclasses.replace(hints, svg_dpi=parameters.dpi or SVG_DPI)
    step.check()
    return decode(data, step.result_limits, hints)


def _scale(width: int, height: int, parameters: Rasterize) -> float:
    """Times the size that it would be drawn at."""
    asked = [wanted / own for wanted, own in ((parameters.width, width), (parameters.height, height)) if wanted]
    return min(asked) if asked else (parameters.dpi or SVG_DPI) / SVG_DPI
