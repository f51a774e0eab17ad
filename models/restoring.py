"""Adapts a network that restores faces, such as GFPGAN, CodeFormer and RestoreFormer, to its contract: a face and its fidelity in one
picture of four channels in, a face out."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.catalogue import Model, Source
from models.contract import FACE_SIDE, INPUT
from models.errors import ConversionError
from models.graph import prune, rename
from models.wrapping import around, planes, whole

_NUMBERS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)


def wrap_restoring(core: onnx.ModelProto, model: Model, source: Source) -> onnx.ModelProto:
    """The network `core`, a face NCHW of 512 x 512 pixels in and one in -1..1 out, as a model that fulfils its contract.

    `source.fidelity` names its second input, if it has one: a number from 0 to 1, a scalar or of one element, of any float type. It gets
    the first pixel of the fourth channel. The network computes in its own precision on every platform: StyleGAN's activations, which GFPGAN
    has, overflow in float16. Raises ConversionError if the network does not fit.
    """
    prune(core.graph, source.output)
    inputs = {value.name: value for value in core.graph.input}
    wanted = {source.input, source.fidelity} - {""}
    if set(inputs) != wanted:
        raise ConversionError(f"the network's inputs are {sorted(inputs)}, and {sorted(wanted)} are wanted: `fidelity` names a second one")
    _check_face(inputs[source.input], model)
    picture_type = inputs[source.input].type.tensor_type.elem_type
    names = {source.input: "network.picture", source.output: "network.result"}
    if source.fidelity:
        names[source.fidelity] = "network.fidelity"
        fidelity_type, fidelity_axes = _fidelity(inputs[source.fidelity], model)
    for name in {*names, INPUT, model.contract.output}:
        rename(core.graph, name, names.get(name, f"network.{name}"))

    constants: dict[str, NDArray[np.generic]] = {
        "contract.first": np.array([0], dtype=np.int64),
        "contract.fourth": np.array([3], dtype=np.int64),
        "contract.axis": np.array([3], dtype=np.int64),
        "contract.subtract": np.array(model.normalisation.subtract, dtype=np.float32),
        "contract.divide": np.array(model.normalisation.divide, dtype=np.float32),
        "contract.half": np.array(127.5, dtype=np.float32),
        "contract.full": np.array(255, dtype=np.float32),
        "contract.zero": np.array(0, dtype=np.float32),
    }
    before = [
        helper.make_node("Cast", [INPUT], ["contract.float"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["contract.float", "contract.first", "contract.fourth", "contract.axis"], ["contract.colour"]),
        *planes("contract.colour", "contract.planes"),
        helper.make_node("Cast", ["contract.planes"], ["network.picture"], to=picture_type),
    ]
    if source.fidelity:
        constants |= {
            "contract.pixel": np.array([0, 0, 0, 3], dtype=np.int64),
            "contract.beyond": np.array([1, 1, 1, 4], dtype=np.int64),
            "contract.axes": np.array([0, 1, 2, 3], dtype=np.int64),
            "contract.shape": np.ones(fidelity_axes, dtype=np.int64),
        }
        before += [
            helper.make_node("Slice", ["contract.float", "contract.pixel", "contract.beyond", "contract.axes"], ["contract.told"]),
            helper.make_node("Div", ["contract.told", "contract.full"], ["contract.share"]),
            helper.make_node("Reshape", ["contract.share", "contract.shape"], ["contract.fidelity"]),
            helper.make_node("Cast", ["contract.fidelity"], ["network.fidelity"], to=fidelity_type),
        ]
    after = [
        helper.make_node("Cast", ["network.result"], ["contract.output"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["contract.output"], ["contract.pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["contract.pixels", "contract.half"], ["contract.scaled"]),
        helper.make_node("Add", ["contract.scaled", "contract.half"], ["contract.levels"]),
        *whole("contract.levels", model.contract.output),
    ]
    return around(model.contract, before, core, after, constants)


def _check_face(value: onnx.ValueInfoProto, model: Model) -> None:
    shape = _shape(value)
    if len(shape) != 4:
        raise ConversionError(f"the network's input {value.name!r} has {len(shape)} axes, and batch, channels, height, width are wanted")
    if shape[1] not in (0, 3) or any(side not in (0, FACE_SIDE) for side in shape[2:]):
        raise ConversionError(
            f"the network's input {value.name!r} is {shape[1:]} (channels, height, width; 0: any), and a model for 'restore_face' is given "
            f"{[3, FACE_SIDE, FACE_SIDE]}: export it for that size, or with a variable one"
        )
    if shape[0] == 1 and model.serving.max_batch_size > 1:
        raise ConversionError("the network takes one picture at a time: max_batch_size has to be 1")


def _fidelity(value: onnx.ValueInfoProto, model: Model) -> tuple[int, int]:
    """The type of the second input, and how many axes it has."""
    shape, kind = _shape(value), value.type.tensor_type.elem_type
    if kind not in _NUMBERS or any(size not in (0, 1) for size in shape):
        raise ConversionError(f"the network's input {value.name!r} has the shape {shape}: one floating-point number is wanted")
    if model.serving.max_batch_size > 1:
        raise ConversionError("one fidelity is for all pictures of a batch: max_batch_size has to be 1")
    return kind, len(shape)


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
