"""Adapts an inpainting network, which takes a picture and a mask, to its contract: one picture of four channels in, one of three out."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.catalogue import Mask, Model, Source
from models.contract import INPAINT_SIDE, INPUT
from models.errors import ConversionError
from models.graph import prune, rename
from models.wrapping import around, planes, whole

_MASKED = 127  # mask level above which a pixel is filled


def wrap_inpainting(core: onnx.ModelProto, model: Model, source: Source, mask: Mask) -> onnx.ModelProto:
    """The network `core`, a picture and a mask NCHW in and a picture NCHW in 0..`source.full` out, as a model that fulfils its contract.

    Known pixels stay unchanged. The network computes in its own precision on every platform: in float16 the Fourier convolutions of LaMa
    overflow. Raises ConversionError if the network does not fit.
    """
    prune(core.graph, source.output)
    inputs = {value.name: value for value in core.graph.input}
    if set(inputs) != {source.input, mask.input}:
        raise ConversionError(f"the network's inputs are {sorted(inputs)}, and {sorted({source.input, mask.input})} are wanted")
    for value in inputs.values():
        _check_shape(value, model)
    names = {source.input: "network.picture", mask.input: "network.mask", source.output: "network.result"}
    for name in {*names, INPUT, model.contract.output}:
        rename(core.graph, name, names.get(name, f"network.{name}"))
    picture_type, mask_type = (inputs[name].type.tensor_type.elem_type for name in (source.input, mask.input))

    constants: dict[str, NDArray[np.generic]] = {
        "contract.first": np.array([0], dtype=np.int64),
        "contract.fourth": np.array([3], dtype=np.int64),
        "contract.end": np.array([4], dtype=np.int64),
        "contract.axis": np.array([3], dtype=np.int64),
        "contract.masked": np.array(_MASKED, dtype=np.float32),
        "contract.unknown": np.array(mask.unknown, dtype=np.float32),
        "contract.known": np.array(mask.known, dtype=np.float32),
        "contract.subtract": np.array(model.normalisation.subtract, dtype=np.float32),
        "contract.divide": np.array(model.normalisation.divide, dtype=np.float32),
        "contract.gain": np.array(255 / source.full, dtype=np.float32),
        "contract.full": np.array(255, dtype=np.float32),
        "contract.zero": np.array(0, dtype=np.float32),
    }
    before = [
        helper.make_node("Cast", [INPUT], ["contract.float"], to=TensorProto.FLOAT),
        # Not Split, whose form depends on the ONNX version that the network was exported for.
        helper.make_node("Slice", ["contract.float", "contract.first", "contract.fourth", "contract.axis"], ["contract.colour"]),
        helper.make_node("Slice", ["contract.float", "contract.fourth", "contract.end", "contract.axis"], ["contract.mask"]),
        helper.make_node("Greater", ["contract.mask", "contract.masked"], ["contract.hole"]),
        helper.make_node("Where", ["contract.hole", "contract.unknown", "contract.known"], ["contract.marked"]),
        helper.make_node("Transpose", ["contract.marked"], ["contract.mask_plane"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["contract.mask_plane"], ["network.mask"], to=mask_type),
        *planes("contract.colour", "contract.planes"),
        helper.make_node("Cast", ["contract.planes"], ["network.picture"], to=picture_type),
    ]
    after = [
        helper.make_node("Cast", ["network.result"], ["contract.output"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["contract.output"], ["contract.pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["contract.pixels", "contract.gain"], ["contract.levels"]),
        helper.make_node("Where", ["contract.hole", "contract.levels", "contract.colour"], ["contract.joined"]),
        *whole("contract.joined", model.contract.output),
    ]
    return around(model.contract, before, core, after, constants)


def _check_shape(value: onnx.ValueInfoProto, model: Model) -> None:
    shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    if len(shape) != 4:
        raise ConversionError(f"the network's input {value.name!r} has {len(shape)} axes, and batch, channels, height, width are wanted")
    if any(side not in (0, INPAINT_SIDE) for side in shape[2:]):
        raise ConversionError(
            f"the network's input {value.name!r} is {shape[2] or 'any height'} x {shape[3] or 'any width'} pixels (height x width), and a "
            f"model for 'inpaint' is given {INPAINT_SIDE} x {INPAINT_SIDE}: export it for that size, or with a variable one"
        )
    if shape[0] == 1 and model.serving.max_batch_size > 1:
        raise ConversionError("the network takes one picture at a time: max_batch_size has to be 1")
