"""Writing small ncnn networks by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx.reference import ReferenceEvaluator

from models.ncnn_onnx import convert


def param(*layers: str) -> str:
    """A `.param` file of these lines, its counts right."""
    return "\n".join(["7767517", f"{len(layers)} {len(layers)}", *layers]) + "\n"


def raw(values: ArrayLike) -> bytes:
    return np.asarray(values, dtype="<f4").tobytes()


def tagged_float32(values: ArrayLike) -> bytes:
    return struct.pack("<I", 0) + raw(values)


def tagged_float16(values: ArrayLike) -> bytes:
    data = np.asarray(values, dtype="<f2").tobytes()
    return struct.pack("<I", 0x01306B47) + data + b"\0" * (-len(data) % 4)


def run(layers: Sequence[str], weights: bytes, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the converted network computes, by ONNX's reference implementation. `image` is [N, C, H, W]."""
    return evaluate(convert(param(*layers), weights, channels=image.shape[1]), input=image)


def evaluate(model: onnx.ModelProto, **inputs: NDArray[np.generic]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = ReferenceEvaluator(model).run(None, inputs)[0]
    return result
