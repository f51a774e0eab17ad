"""Networks of a few nodes for tests. Those that restore faces have the inputs and outputs of exports of GFPGAN and CodeFormer, and raise
the contrast; one gives gray pictures colours."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.contract import CHROMA_ONE, CHROMA_ZERO, FACE_SIDE, INPUT, Contract
from models.ncnn_onnx import IR_VERSION, OPSET
from models.wrapping import build

GAIN = 1.5
"""How much of a pixel's difference from the mean of its channel is added; that is times 1 - `w` in a network with that input."""
SLOPE = (60.0, -80.0)
"""By how much a* and b* grow from black to white."""
AT_BLACK = (-20.0, 50.0)
"""a* and b* of black."""


def tiny_face_network(*, fidelity: bool = False, kind: int = TensorProto.DOUBLE) -> onnx.ModelProto:
    """As its authors export it: `input` [1, 3, 512, 512] in -1..1 in, `output` of the same kind out, and with `fidelity` the input `w` [1],
    0 to 1, of the type `kind`."""
    constants: dict[str, NDArray[np.generic]] = {"gain": np.array(GAIN, dtype=np.float32), "one": np.array(1, dtype=np.float32)}
    face = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, FACE_SIDE, FACE_SIDE])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, FACE_SIDE, FACE_SIDE])
    nodes, inputs, gain = [], [face], "gain"
    if fidelity:
        inputs.append(helper.make_tensor_value_info("w", kind, [1]))
        gain = "gain.left"
        nodes = [
            helper.make_node("Cast", ["w"], ["weight"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["one", "weight"], ["left"]),
            helper.make_node("Mul", ["gain", "left"], [gain]),
        ]
    nodes += _contrasted("input", gain, "output")
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used]
    graph = helper.make_graph(nodes, "face", inputs, [result], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def tiny_restorer(contract: Contract) -> onnx.ModelProto:
    """The same, without fidelity, as a model that fulfils the contract."""
    constants: dict[str, NDArray[np.generic]] = {
        "planes": np.array([3, 1], dtype=np.int64),
        "gain": np.array(GAIN, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "full": np.array(255, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["pixels", "planes"], ["colour", "fidelity"], axis=3),
        helper.make_node("Transpose", ["colour"], ["face"], perm=[0, 3, 1, 2]),
        *_contrasted("face", "gain", "sharp"),
        helper.make_node("Transpose", ["sharp"], ["levels"], perm=[0, 2, 3, 1]),
        helper.make_node("Round", ["levels"], ["rounded"]),
        helper.make_node("Clip", ["rounded", "zero", "full"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], [contract.output], to=TensorProto.UINT8),
    ]
    return build(contract, nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()])


def _contrasted(face: str, gain: str, output: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("ReduceMean", [face], ["mean"], axes=[2, 3], keepdims=1),
        helper.make_node("Sub", [face, "mean"], ["detail"]),
        helper.make_node("Mul", ["detail", gain], ["more"]),
        helper.make_node("Add", [face, "more"], [output]),
    ]


def tiny_colouring(contract: Contract) -> onnx.ModelProto:
    """a* and b* are straight lines in the level of the first channel."""
    constants: dict[str, NDArray[np.generic]] = {
        "first": np.array([0], dtype=np.int64),
        "second": np.array([1], dtype=np.int64),
        "channels": np.array([3], dtype=np.int64),
        "slope": np.array([each * CHROMA_ONE / 255 for each in SLOPE], dtype=np.float32),
        "black": np.array([each * CHROMA_ONE + CHROMA_ZERO for each in AT_BLACK], dtype=np.float32),
        "byte": np.array(256, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["pixels", "first", "second", "channels"], ["gray"]),
        helper.make_node("Mul", ["gray", "slope"], ["rising"]),
        helper.make_node("Add", ["rising", "black"], ["exact"]),
        helper.make_node("Round", ["exact"], ["code"]),
        helper.make_node("Div", ["code", "byte"], ["parts"]),
        helper.make_node("Floor", ["parts"], ["high"]),
        helper.make_node("Mul", ["high", "byte"], ["above"]),
        helper.make_node("Sub", ["code", "above"], ["low"]),
        helper.make_node("Concat", ["high", "low"], ["bytes"], axis=3),
        helper.make_node("Cast", ["bytes"], [contract.output], to=TensorProto.UINT8),
    ]
    return build(contract, nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()])
