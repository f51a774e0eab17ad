"""Tracing of pictures by vtracer (https://github.com/visioncortex/vtracer)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
import vtracer  # type: ignore[import-untyped]

from darkroom.operations.v1.vectorize_pb2 import TRACE_CURVE_PIXELS, TRACE_CURVE_POLYGON, TraceCurve, Vectorize
from services.inference.media import Effort, Image, Saving, encode
from services.inference.media.colour import to_8bit
from services.pictures.media_format import MediaFormat

Samples = npt.NDArray[np.uint8]
_USUAL_SPECKLE, _USUAL_PRECISION = 4, 6
_MOST_AREAS = 60_000
"""In black and white: vtracer numbers areas with 16 bits, and ends where that is too few."""
_MOST_AREAS_IN_COLOURS = 500_000
"""Noise of more areas takes minutes, and gives a drawing that no viewer opens."""
_CURVES: Mapping[TraceCurve.ValueType, str] = {TRACE_CURVE_POLYGON: "polygon", TRACE_CURVE_PIXELS: "none"}
_ROOT = re.compile(r'<svg([^>]*?) width="(\d+)" height="(\d+)"')
_PNG = Saving(MediaFormat.PNG, effort=Effort.LITTLE, keep_metadata=False)
_UNSEEN = 16
"""The alpha, of 255, below which nothing is traced."""
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""ITU-R BT.601."""


def trace(image: Image, parameters: Vectorize, width: int, height: int) -> str:
    """An SVG of the picture, of width × height pixels. A picture of very many areas is traced smaller."""
    pixels, alpha = image.srgb(), None if image.alpha is None else to_8bit(image.alpha)
    speckle = parameters.filter_speckle if parameters.HasField("filter_speckle") else _USUAL_SPECKLE
    precision = parameters.color_precision or _USUAL_PRECISION
    while True:
        shown = _in_colours(pixels, alpha, parameters) if parameters.color else _in_black_and_white(pixels, alpha, parameters, speckle)
        most = _MOST_AREAS_IN_COLOURS if parameters.color else _MOST_AREAS
        if _beginnings((shown.pixels >> (8 - precision)).astype(np.uint8)) <= most:
            break
        pixels, alpha = _halved(pixels), None if alpha is None else _halved(alpha)
    drawing = vtracer.convert_raw_image_to_svg(
        encode(shown, _PNG),
        img_format="png",
        colormode="color" if parameters.color else "binary",
        hierarchical="stacked",
        mode=_CURVES.get(parameters.curve, "spline"),
        filter_speckle=speckle,
        color_precision=precision,
        layer_difference=parameters.layer_difference if parameters.HasField("layer_difference") else 16,
        corner_threshold=parameters.corner_threshold if parameters.HasField("corner_threshold") else 60,
    )
    return _ROOT.sub(rf'<svg\1 width="{width}" height="{height}" viewBox="0 0 \2 \3"', str(drawing), count=1)


def _in_colours(pixels: Samples, alpha: Samples | None, parameters: Vectorize) -> Image:
    """Opaque, or not there at all, as areas are: what shines through does so on white."""
    pixels = 255 - pixels if parameters.invert else pixels
    if alpha is None:
        return Image(pixels)
    share = alpha[..., None].astype(np.uint16)
    laid = ((pixels * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    return Image(laid, np.where(alpha < _UNSEEN, np.uint8(0), np.uint8(255)))


def _in_black_and_white(pixels: Samples, alpha: Samples | None, parameters: Vectorize, speckle: int) -> Image:
    gray = pixels.astype(np.float32) @ _LUMA
    if alpha is not None:
        share = alpha.astype(np.float32) / 255
        gray = gray * share + 255 * (1 - share)
    black = (gray < (parameters.threshold if parameters.HasField("threshold") else 128)) ^ parameters.invert
    # Areas that vtracer leaves out by itself count among the areas before.
    _, areas, known, _ = cv2.connectedComponentsWithStats(black.astype(np.uint8), connectivity=8)
    black &= known[areas, cv2.CC_STAT_AREA] >= speckle**2
    return Image(np.where(black, np.uint8(0), np.uint8(255))[..., None])


def _beginnings(samples: Samples) -> int:
    """At most how many areas of equal colour there are: pixels unlike the one before in their row and in their column."""
    begins = np.ones(samples.shape[:2], np.bool_)
    begins[:, 1:] &= (samples[:, 1:] != samples[:, :-1]).any(axis=2)
    begins[1:] &= (samples[1:] != samples[:-1]).any(axis=2)
    return int(begins.sum())


def _halved(samples: Samples) -> Samples:
    height, width = samples.shape[:2]
    return cv2.resize(samples, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA).astype(np.uint8)
