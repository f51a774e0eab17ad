"""Adapts a network that finds points in a picture to its contract: a picture in, a table of numbers out."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.contract import INPUT, NUMBER_ONE, NUMBER_ZERO, Contract, Normalisation
from models.errors import ConversionError
from models.graph import rename
from models.wrapping import build


def wrap_locating(
    core: onnx.ModelProto, contract: Contract, normalisation: Normalisation, *, input_name: str, outputs: Sequence[str]
) -> onnx.ModelProto:
    """The network `core`, float NHWC in, as a model that fulfils `contract`: a row of its table holds the row of each of `outputs` in turn.

    The network computes in float32 on every platform: half the precision would put points a pixel off, and it is small. Raises
    ConversionError if the network does not fit.
    """
    names = {value.name: value for value in core.graph.output}
    if not set(outputs) <= set(names):
        raise ConversionError(f"the network's outputs are {sorted(names)}, and {sorted(outputs)} are wanted")
    _check_input(core, input_name, contract)
    for name in {INPUT, contract.output} & {each for node in core.graph.node for each in [*node.input, *node.output]}:
        rename(core.graph, name, f"network.{name}")
    network = {name: f"network.{name}" if name in (INPUT, contract.output) else name for name in (input_name, *outputs)}
    rows = contract.numbers[0]
    constants: dict[str, NDArray[np.generic]] = {
        "contract.subtract": np.array(normalisation.subtract, dtype=np.float32),
        "contract.divide": np.array(normalisation.divide, dtype=np.float32),
    }
    before = [
        helper.make_node("Cast", [INPUT], ["contract.float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["contract.float", "contract.subtract"], ["contract.centred"]),
        helper.make_node("Div", ["contract.centred", "contract.divide"], [network[input_name]]),
    ]
    after = []
    for index, name in enumerate(outputs):
        shape = f"contract.shape{index}"
        constants[shape] = np.array([-1, rows, _columns(names[name], rows)], dtype=np.int64)
        after.append(helper.make_node("Reshape", [network[name], shape], [f"contract.part{index}"]))
    after.append(helper.make_node("Concat", [f"contract.part{index}" for index in range(len(outputs))], ["contract.values"], axis=2))
    return build(
        contract,
        [*before, *core.graph.node, *after, *code_nodes("contract.values", contract.output)],
        [*core.graph.initializer, *tensors(constants | CODE)],
        opsets=core.opset_import,
    )


CODE: dict[str, NDArray[np.generic]] = {
    "code.one": np.array(NUMBER_ONE, dtype=np.float32),
    "code.zero": np.array(NUMBER_ZERO, dtype=np.float32),
    "code.least": np.array(0, dtype=np.float32),
    "code.largest": np.array((1 << 24) - 1, dtype=np.float32),
    "code.divisors": np.array([1 << 16, 1 << 8, 1], dtype=np.float32),
    "code.byte": np.array(256, dtype=np.float32),
    "code.last": np.array([3], dtype=np.int64),
}
"""Constants that `code_nodes` needs."""


def code_nodes(values: str, output: str) -> list[onnx.NodeProto]:
    """Nodes that write the numbers [N, rows, columns] as three bytes each, as `Contract` says. All codes are whole in float32."""
    return [
        helper.make_node("Mul", [values, "code.one"], ["code.steps"]),
        helper.make_node("Round", ["code.steps"], ["code.whole"]),
        helper.make_node("Add", ["code.whole", "code.zero"], ["code.shifted"]),
        helper.make_node("Clip", ["code.shifted", "code.least", "code.largest"], ["code.clipped"]),
        helper.make_node("Unsqueeze", ["code.clipped", "code.last"], ["code.number"]),
        helper.make_node("Div", ["code.number", "code.divisors"], ["code.shares"]),
        helper.make_node("Floor", ["code.shares"], ["code.upper"]),
        helper.make_node("Mod", ["code.upper", "code.byte"], ["code.bytes"], fmod=1),
        helper.make_node("Cast", ["code.bytes"], [output], to=TensorProto.UINT8),
    ]


def tensors(constants: dict[str, NDArray[np.generic]]) -> list[onnx.TensorProto]:
    """Constants as initializers."""
    return [numpy_helper.from_array(value, name) for name, value in constants.items()]


def _columns(value: onnx.ValueInfoProto, rows: int) -> int:
    sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim[1:]]
    columns, left = divmod(int(np.prod(sizes)), rows)
    if left or not columns:
        raise ConversionError(f"the network's output {value.name!r} has the shape {sizes}, which does not make {rows} rows")
    return columns


def _check_input(core: onnx.ModelProto, name: str, contract: Contract) -> None:
    inputs = {value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim] for value in core.graph.input}
    wanted = [*contract.input_dims]
    if list(inputs) != [name] or inputs[name][1:] != wanted:
        raise ConversionError(f"the network's inputs are {inputs}, and {name!r} of {wanted} (height, width, channels) is wanted")
