"""The network that finds subjects, in this process: each picture is asked about once."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks import onnx_models
from benchmarks.quality._cutout_photographs import Pixels
from services.inference.matting import matting
from services.inference.media import Image


def matte(picture: Pixels) -> Pixels:
    """The network's alpha of a picture."""
    return np.asarray(answer(matting.model_input(Image(picture)))[0, ..., 0])


def answer(prepared: Pixels) -> Pixels:
    """The network's output for its input."""
    return _answer(prepared.shape, prepared.tobytes())


@cache
def _answer(shape: tuple[int, ...], pixels: bytes) -> Pixels:
    return onnx_models.run("isnet", np.frombuffer(pixels, np.uint8).reshape(shape), threads=2, spinning=False)
