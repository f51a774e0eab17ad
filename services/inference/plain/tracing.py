"""Tracing of pictures by vtracer (https://github.com/visioncortex/vtracer)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import vtracer  # type: ignore[import-untyped]

from darkroom.operations.v1.vectorize_pb2 import TRACE_CURVE_PIXELS, TRACE_CURVE_POLYGON, TraceCurve, Vectorize
from services.common.media_format import MediaFormat
from services.inference.media import Effort, Image, Saving, encode
from services.inference.media.colour import to_8bit

_CURVES: Mapping[TraceCurve.ValueType, str] = {TRACE_CURVE_POLYGON: "polygon", TRACE_CURVE_PIXELS: "none"}
_ROOT = re.compile(r'<svg([^>]*?) width="(\d+)" height="(\d+)"')
_PNG = Saving(MediaFormat.PNG, effort=Effort.LITTLE, keep_metadata=False)
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""ITU-R BT.601."""


def traced(image: Image, parameters: Vectorize, width: int, height: int) -> str:
    """An SVG of the picture, of width × height pixels."""
    shown = _in_colours(image, invert=parameters.invert) if parameters.color else _in_black_and_white(image, parameters)
    drawing = vtracer.convert_raw_image_to_svg(
        encode(shown, _PNG),
        img_format="png",
        colormode="color" if parameters.color else "binary",
        hierarchical="stacked",
        mode=_CURVES.get(parameters.curve, "spline"),
        filter_speckle=parameters.filter_speckle if parameters.HasField("filter_speckle") else 4,
        color_precision=parameters.color_precision or 6,
        layer_difference=parameters.layer_difference if parameters.HasField("layer_difference") else 16,
        corner_threshold=parameters.corner_threshold if parameters.HasField("corner_threshold") else 60,
    )
    return _ROOT.sub(rf'<svg\1 width="{width}" height="{height}" viewBox="0 0 \2 \3"', str(drawing), count=1)


def _in_colours(image: Image, *, invert: bool) -> Image:
    pixels = image.srgb()
    return Image(255 - pixels if invert else pixels, None if image.alpha is None else to_8bit(image.alpha))


def _in_black_and_white(image: Image, parameters: Vectorize) -> Image:
    gray = image.srgb().astype(np.float32) @ _LUMA
    if image.alpha is not None:
        share = to_8bit(image.alpha).astype(np.float32) / 255
        gray = gray * share + 255 * (1 - share)
    black = gray < (parameters.threshold if parameters.HasField("threshold") else 128)
    return Image(np.where(black ^ parameters.invert, np.uint8(0), np.uint8(255))[..., None])
