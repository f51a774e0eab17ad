"""Adapts a network to its contract: normalisation before it, rounding after it, a dynamic batch throughout."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.contract import CHROMA_ONE, CHROMA_ZERO, COLORIZE_SIDE, INPUT, MATTE_SIDE, Contract, Normalisation
from models.errors import ConversionError
from models.graph import make_batch_dynamic, prune, rename
from models.ncnn_onnx import IR_VERSION, OPSET
from models.platforms import Precision
from models.precision import set_precision


def wrap(
    core: onnx.ModelProto,
    contract: Contract,
    normalisation: Normalisation,
    *,
    input_name: str,
    output_name: str,
    precision: Precision,
    logits: bool = False,
    characters: Sequence[str] = (),
) -> onnx.ModelProto:
    """The network `core`, float NCHW in and float NCHW in 0..1 out (or `logits` of that), as a model that fulfils `contract`.

    A network that reads text outputs probabilities [N, steps, classes] instead: of no character, of each of `characters`, of a space. One
    that gives colours outputs a* and b* [N, 2, height, width].

    Weights and activations of the network get `precision`; normalisation and rounding are always float32. The output is rounded to the
    nearest integer (a tie to the even one) and clipped to 0..255. Other outputs of `core` are dropped. Raises ConversionError if `core`
    does not fit. A network that gives colours keeps a fixed batch, since transformers write theirs into many shapes: `takes_one`.
    """
    prune(core.graph, output_name)
    inputs = [value.name for value in core.graph.input]
    if inputs != [input_name]:
        raise ConversionError(f"the network's inputs are {inputs}, one named {input_name!r} is wanted")
    _check_size(core.graph.input[0], contract)
    # The names that the model's own input and output have.
    taken = {name: f"network.{name}" for name in (INPUT, contract.output)}
    for name, new in taken.items():
        rename(core.graph, name, new)
    input_name, output_name = taken.get(input_name, input_name), taken.get(output_name, output_name)
    if _dimension(core.graph.input[0], 0) and contract.job != "colorize":
        make_batch_dynamic(core)
    set_precision(core, precision)
    core_type = core.graph.input[0].type.tensor_type.elem_type

    constants: dict[str, NDArray[np.generic]] = {
        "contract.subtract": np.array(normalisation.subtract, dtype=np.float32),
        "contract.divide": np.array(normalisation.divide, dtype=np.float32),
        "contract.full": np.array(255, dtype=np.float32),
        "contract.zero": np.array(0, dtype=np.float32),
    }
    before = [
        helper.make_node("Cast", [INPUT], ["contract.float"], to=TensorProto.FLOAT),
        *planes("contract.float", "contract.planes"),
        helper.make_node("Cast", ["contract.planes"], [input_name], to=core_type),
    ]
    if contract.job == "read":
        constants |= {"contract.codes": _codes(characters, _classes(core, output_name)), "contract.first": np.array([1], dtype=np.int64)}
        constants["contract.steps"] = np.array([0, 0, 1, 1], dtype=np.int64)
        after = _characters(output_name, contract.output)
    elif contract.job == "colorize":
        _check_chroma(core, output_name)
        constants |= {
            "contract.one": np.array(CHROMA_ONE, dtype=np.float32),
            "contract.middle": np.array(CHROMA_ZERO, dtype=np.float32),
            "contract.most": np.array(2 * CHROMA_ZERO - 1, dtype=np.float32),
            "contract.byte": np.array(256, dtype=np.float32),
        }
        after = _chroma(output_name, contract.output)
    else:
        after = [
            helper.make_node("Cast", [output_name], ["contract.output"], to=TensorProto.FLOAT),
            helper.make_node("Sigmoid" if logits else "Identity", ["contract.output"], ["contract.result"]),
            helper.make_node("Transpose", ["contract.result"], ["contract.pixels"], perm=[0, 2, 3, 1]),
            *_to_uint8("contract.pixels", contract.output),
        ]
    return around(contract, before, core, after, constants)


def takes_one(core: onnx.ModelProto) -> bool:
    """Whether a network was exported for batches of one picture."""
    return _dimension(core.graph.input[0], 0) == 1


def _to_uint8(name: str, output: str) -> list[onnx.NodeProto]:
    """0 to 1 as levels."""
    return [helper.make_node("Mul", [name, "contract.full"], ["contract.levels"]), *whole("contract.levels", output)]


def whole(levels: str, output: str) -> list[onnx.NodeProto]:
    """Levels as uint8: rounded to the nearest, and cut off. Takes the constants `contract.zero` and `contract.full`, 255."""
    return [
        helper.make_node("Round", [levels], ["contract.rounded"]),
        helper.make_node("Clip", ["contract.rounded", "contract.zero", "contract.full"], ["contract.clipped"]),
        helper.make_node("Cast", ["contract.clipped"], [output], to=TensorProto.UINT8),
    ]


def planes(pixels: str, output: str) -> list[onnx.NodeProto]:
    """Pixels as a network takes them: normalised by the constants `contract.subtract` and `contract.divide`, channels first."""
    return [
        helper.make_node("Sub", [pixels, "contract.subtract"], ["contract.centred"]),
        helper.make_node("Div", ["contract.centred", "contract.divide"], ["contract.normalised"]),
        helper.make_node("Transpose", ["contract.normalised"], [output], perm=[0, 3, 1, 2]),
    ]


def around(
    contract: Contract,
    before: Sequence[onnx.NodeProto],
    core: onnx.ModelProto,
    after: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[np.generic]],
) -> onnx.ModelProto:
    """A network between nodes. Raises as `build`."""
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return build(contract, [*before, *core.graph.node, *after], [*core.graph.initializer, *tensors], opsets=core.opset_import)


def _characters(probabilities: str, output: str) -> list[onnx.NodeProto]:
    """The most likely class of each step as its code point, and its probability."""
    return [
        helper.make_node("TopK", [probabilities, "contract.first"], ["contract.likeliest", "contract.class"], axis=2),
        helper.make_node("Cast", ["contract.likeliest"], ["contract.share"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["contract.share", "contract.steps"], ["contract.shares"]),
        *_to_uint8("contract.shares", "contract.sure"),
        helper.make_node("Gather", ["contract.codes", "contract.class"], ["contract.code"], axis=0),
        helper.make_node("Concat", ["contract.code", "contract.sure"], ["contract.read"], axis=3),
        helper.make_node("Transpose", ["contract.read"], [output], perm=[0, 2, 1, 3]),
    ]


def _chroma(chroma: str, output: str) -> list[onnx.NodeProto]:
    """The codes of a* and b*: their high bytes, then their low ones."""
    return [
        helper.make_node("Cast", [chroma], ["contract.output"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["contract.output"], ["contract.chroma"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["contract.chroma", "contract.one"], ["contract.scaled"]),
        helper.make_node("Add", ["contract.scaled", "contract.middle"], ["contract.moved"]),
        helper.make_node("Round", ["contract.moved"], ["contract.rounded"]),
        helper.make_node("Clip", ["contract.rounded", "contract.zero", "contract.most"], ["contract.code"]),
        helper.make_node("Div", ["contract.code", "contract.byte"], ["contract.parts"]),
        helper.make_node("Floor", ["contract.parts"], ["contract.high"]),
        helper.make_node("Mul", ["contract.high", "contract.byte"], ["contract.above"]),
        helper.make_node("Sub", ["contract.code", "contract.above"], ["contract.low"]),
        helper.make_node("Concat", ["contract.high", "contract.low"], ["contract.bytes"], axis=3),
        helper.make_node("Cast", ["contract.bytes"], [output], to=TensorProto.UINT8),
    ]


def _check_chroma(core: onnx.ModelProto, output: str) -> None:
    """Raise ConversionError for a network that gives a picture instead of two channels of the size of its input."""
    value = next(value for value in core.graph.output if value.name == output)
    shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    if len(shape) != 4 or shape[1] not in (0, 2) or any(side not in (0, COLORIZE_SIDE) for side in shape[2:]):
        raise ConversionError(
            f"a network for 'colorize' gives a* and b* of every pixel, batch x 2 x {COLORIZE_SIDE} x {COLORIZE_SIDE}, and this one gives "
            f"{' x '.join(str(side or 'any') for side in shape)}"
        )


def _classes(core: onnx.ModelProto, output: str) -> int:
    """How many classes a text-reading network distinguishes."""
    value = next(value for value in core.graph.output if value.name == output)
    if len(value.type.tensor_type.shape.dim) != 3 or not _dimension(value, 2):
        raise ConversionError("a network that reads gives batch, steps and a fixed number of classes")
    return _dimension(value, 2)


def _codes(characters: Sequence[str], classes: int) -> NDArray[np.uint8]:
    """The code point of each class, classes x 3 bytes, most significant first: PaddleOCR's order, with no character first and a space
    last."""
    if len(characters) + 2 != classes or any(len(character) != 1 for character in characters):
        raise ConversionError(f"the network distinguishes {classes} classes, and its metadata list {len(characters)} characters")
    return np.array([[*ord(each).to_bytes(3, "big")] for each in ("\0", *characters, " ")], dtype=np.uint8)


def build(
    contract: Contract,
    nodes: list[onnx.NodeProto],
    initializers: list[onnx.TensorProto],
    *,
    opsets: Sequence[onnx.OperatorSetIdProto] | None = None,
) -> onnx.ModelProto:
    """A checked ONNX model with the input and output of `contract`. Raises ConversionError if the nodes do not fit it."""
    graph = helper.make_graph(
        nodes,
        contract.job,
        [_image(INPUT, contract.input_dims, "in")],
        [_image(contract.output, contract.output_dims, "out")],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=opsets or [helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="darkroom"
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(f"the network does not fit its contract: {error}") from error
    return model


def _check_size(value: onnx.ValueInfoProto, contract: Contract) -> None:
    """Raise ConversionError for a network that was exported for a different size or number of channels, since it accepts no other."""
    axes = len(value.type.tensor_type.shape.dim)
    if axes != 4:
        raise ConversionError(f"the network's input has {axes} axes, and batch, channels, height, width are wanted")
    channels, size = _dimension(value, 1), (_dimension(value, 2), _dimension(value, 3))
    height, width, given = contract.input_dims
    if channels not in (0, given):
        raise ConversionError(f"the network's input has {channels} channels, and a model for {contract.job!r} is given {given}")
    side = {"matte": MATTE_SIDE, "colorize": COLORIZE_SIDE}.get(contract.job)
    asked = (side, side) if side else (height or 0, width or 0)
    if any(fixed and fixed != wanted for fixed, wanted in zip(size, asked, strict=True)):
        wanted = f"{asked[0]} x {asked[1]}" if all(asked) else "any size"
        raise ConversionError(
            f"the network takes pictures of {size[0] or 'any height'} x {size[1] or 'any width'} pixels (height x width), and a model for "
            f"{contract.job!r} is given {wanted}: export it for that size, or with a variable one"
        )


def _image(name: str, dims: tuple[int | None, int | None, int], side: str) -> onnx.ValueInfoProto:
    height, width, channels = dims
    shape = ["batch", height or f"height_{side}", width or f"width_{side}", channels]
    return helper.make_tensor_value_info(name, TensorProto.UINT8, shape)


def _dimension(value: onnx.ValueInfoProto, index: int) -> int:
    """The size of a dimension; 0 if it is dynamic."""
    return value.type.tensor_type.shape.dim[index].dim_value
