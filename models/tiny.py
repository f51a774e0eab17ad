"""Networks of a few nodes that fulfil the contract of a real model: they load instantly and run in milliseconds.

Tests of the processing flow serve them in the real Triton in place of trained weights. Their results are crude but deterministic, and
depend on the picture, so that a test can check whether the right pixels arrived.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.contract import INPUT, Contract
from models.tiny_locating import tiny_locator
from models.tiny_retouching import tiny_colouring, tiny_restorer
from models.wrapping import build

_BORDER = 16
# Levels of colour distance to the border below which a pixel is background, and above which it is foreground.
_BACKGROUND, _FOREGROUND = 24.0, 72.0
_STROKE = 40.0
_STEP = 8  # pixels along a line
_QUARTERS = 4.0  # of a level of noise


def tiny_model(contract: Contract) -> onnx.ModelProto:
    """A stand-in network for a contract, without trained weights."""
    return _NETWORKS[contract.job](contract)


def _matte(contract: Contract) -> onnx.ModelProto:
    """Alpha grows with a pixel's distance in colour from the mean of the top and bottom border rows.

    0 up to 24 levels of distance (the largest over R, G, B), 255 from 72 levels on, linear between.
    """
    constants: dict[str, NDArray[np.generic]] = {
        "top": np.array([0], dtype=np.int64),
        "top_end": np.array([_BORDER], dtype=np.int64),
        "bottom": np.array([-_BORDER], dtype=np.int64),
        "bottom_end": np.array([np.iinfo(np.int64).max], dtype=np.int64),
        "rows": np.array([1], dtype=np.int64),
        "background": np.array(_BACKGROUND, dtype=np.float32),
        "gain": np.array(255 / (_FOREGROUND - _BACKGROUND), dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["colour"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["colour", "top", "top_end", "rows"], ["top_rows"]),
        helper.make_node("Slice", ["colour", "bottom", "bottom_end", "rows"], ["bottom_rows"]),
        helper.make_node("Concat", ["top_rows", "bottom_rows"], ["border"], axis=1),
        helper.make_node("ReduceMean", ["border"], ["border_colour"], axes=[1, 2], keepdims=1),
        helper.make_node("Sub", ["colour", "border_colour"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distances"]),
        helper.make_node("ReduceMax", ["distances"], ["distance"], axes=[3], keepdims=1),
        helper.make_node("Sub", ["distance", "background"], ["excess"]),
        helper.make_node("Mul", ["excess", "gain"], ["levels"]),
        *_to_uint8("levels", contract.output),
    ]
    return build(contract, nodes, _tensors(constants))


def _upscale(contract: Contract) -> onnx.ModelProto:
    """Bilinear enlargement on half-pixel centres."""
    constants: dict[str, NDArray[np.generic]] = {
        "scales": np.array([1, 1, contract.scale, contract.scale], dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Resize", ["planes", "", "scales"], ["enlarged"], mode="linear", coordinate_transformation_mode="half_pixel"),
        helper.make_node("Transpose", ["enlarged"], ["levels"], perm=[0, 2, 3, 1]),
        *_to_uint8("levels", contract.output),
    ]
    return build(contract, nodes, _tensors(constants))


def _detect(contract: Contract) -> onnx.ModelProto:
    """Text is whatever differs from its surroundings, 31 x 31 pixels, by over 40 levels in the mean of R, G and B, plus a margin of 7
    pixels."""
    constants: dict[str, NDArray[np.generic]] = {
        "least": np.array(_STROKE, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["gray"], axes=[3], keepdims=1),
        helper.make_node("Transpose", ["gray"], ["plane"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["plane"], ["around"], kernel_shape=[31, 31], pads=[15, 15, 15, 15]),
        helper.make_node("Sub", ["plane", "around"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["contrast"]),
        helper.make_node("MaxPool", ["contrast"], ["near"], kernel_shape=[15, 15], pads=[7, 7, 7, 7]),
        helper.make_node("Greater", ["near", "least"], ["strokes"]),
        helper.make_node("Cast", ["strokes"], ["share"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["share", "full"], ["planes"]),
        helper.make_node("Transpose", ["planes"], ["levels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["levels"], [contract.output], to=TensorProto.UINT8),
    ]
    return build(contract, nodes, _tensors(constants))


def _paint(contract: Contract) -> onnx.ModelProto:
    """White paint of half opacity where a pixel is lighter than its surroundings by as much as in `_detect`. Where the mark is said to be
    makes no difference."""
    constants: dict[str, NDArray[np.generic]] = {
        "planes": np.array([3, 1], dtype=np.int64),
        "least": np.array(_STROKE, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
        "half": np.array(0.5, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["pixels", "planes"], ["colour", "place"], axis=3),
        helper.make_node("ReduceMean", ["colour"], ["gray"], axes=[3], keepdims=1),
        helper.make_node("Transpose", ["gray"], ["plane"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["plane"], ["around"], kernel_shape=[31, 31], pads=[15, 15, 15, 15]),
        helper.make_node("Sub", ["plane", "around"], ["difference"]),
        helper.make_node("Greater", ["difference", "least"], ["strokes"]),
        helper.make_node("Cast", ["strokes"], ["share"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["share"], ["covered"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["covered", "full"], ["certainty"]),
        helper.make_node("Mul", ["certainty", "half"], ["opacity"]),
        helper.make_node("Concat", ["certainty", "opacity", "opacity", "opacity", "opacity"], ["levels"], axis=3),
        *_to_uint8("levels", contract.output),
    ]
    return build(contract, nodes, _tensors(constants))


def _inpaint(contract: Contract) -> onnx.ModelProto:
    """Masked pixels get the mean colour of the others."""
    constants: dict[str, NDArray[np.generic]] = {
        "planes": np.array([3, 1], dtype=np.int64),
        "half": np.array(127, dtype=np.float32),
        "one": np.array(1, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
        "sides": np.array([1, 2], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["pixels", "planes"], ["colour", "mask"], axis=3),
        helper.make_node("Greater", ["mask", "half"], ["hole"]),
        helper.make_node("Where", ["hole", "zero", "one"], ["known"]),
        helper.make_node("Mul", ["colour", "known"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "sides"], ["total"], keepdims=1),
        helper.make_node("ReduceSum", ["known", "sides"], ["count"], keepdims=1),
        helper.make_node("Max", ["count", "one"], ["divisor"]),
        helper.make_node("Div", ["total", "divisor"], ["mean"]),
        helper.make_node("Where", ["hole", "mean", "colour"], ["levels"]),
        *_to_uint8("levels", contract.output),
    ]
    return build(contract, nodes, _tensors(constants))


def _denoise(contract: Contract) -> onnx.ModelProto:
    """The mean of 3 x 3 pixels where the noise is at least one level, the others as they are; all of them repeated `scale` times."""
    constants: dict[str, NDArray[np.generic]] = {
        "planes": np.array([3, 1], dtype=np.int64),
        "least": np.array(_QUARTERS, dtype=np.float32),
        "scales": np.array([1, contract.scale, contract.scale, 1], dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["pixels", "planes"], ["colour", "deviation"], axis=3),
        helper.make_node("Transpose", ["colour"], ["sharp"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["sharp"], ["mean"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["mean"], ["smooth"], perm=[0, 2, 3, 1]),
        helper.make_node("Less", ["deviation", "least"], ["clean"]),
        helper.make_node("Where", ["clean", "colour", "smooth"], ["result"]),
        helper.make_node("Resize", ["result", "", "scales"], ["levels"], mode="nearest"),
        *_to_uint8("levels", contract.output),
    ]
    return build(contract, nodes, _tensors(constants))


def _read(contract: Contract) -> onnx.ModelProto:
    """Every 8 columns give the letter `a` plus a tenth of the levels by which their mean is darker than white; no letter below `b`."""
    constants: dict[str, NDArray[np.generic]] = {
        "white": np.array(255, dtype=np.float32),
        "letter": np.array(10, dtype=np.float32),
        "paper": np.array(1, dtype=np.float32),
        "first": np.array(ord("a"), dtype=np.float32),
        "shape": np.array([0, 1, -1, 1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["white", "pixels"], ["dark"]),
        helper.make_node("ReduceMean", ["dark"], ["gray"], axes=[3], keepdims=1),
        helper.make_node("Transpose", ["gray"], ["plane"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["plane"], ["steps"], kernel_shape=[contract.height or 1, _STEP], strides=[1, _STEP]),
        helper.make_node("Reshape", ["steps", "shape"], ["ink"]),
        helper.make_node("Div", ["ink", "letter"], ["tenths"]),
        helper.make_node("Floor", ["tenths"], ["number"]),
        helper.make_node("Less", ["number", "paper"], ["empty"]),
        helper.make_node("Not", ["empty"], ["inked"]),
        helper.make_node("Cast", ["inked"], ["is_letter"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["number", "first"], ["code"]),
        helper.make_node("Mul", ["code", "is_letter"], ["low"]),
        helper.make_node("Mul", ["low", "zero"], ["high"]),
        helper.make_node("Add", ["high", "white"], ["sure"]),
        helper.make_node("Concat", ["high", "high", "low", "sure"], ["levels"], axis=3),
        *_to_uint8("levels", contract.output),
    ]
    return build(contract, nodes, _tensors(constants | {"zero": np.array(0, np.float32), "full": np.array(255, np.float32)}))


_NETWORKS = {
    "matte": _matte,
    "upscale": _upscale,
    "detect": _detect,
    "paint": _paint,
    "read": _read,
    "inpaint": _inpaint,
    "locate": tiny_locator,
    "colorize": tiny_colouring,
    "restore_face": tiny_restorer,
    "denoise": _denoise,
}


def _to_uint8(levels: str, output: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Round", [levels], ["rounded"]),
        helper.make_node("Clip", ["rounded", "zero", "full"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], [output], to=TensorProto.UINT8),
    ]


def _tensors(constants: dict[str, NDArray[np.generic]]) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(value, name) for name, value in constants.items()]
