"""A network of a few nodes that gives gray pictures colours, for tests."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.contract import CHROMA_ONE, CHROMA_ZERO, INPUT, Contract
from models.wrapping import build

SLOPE = (60.0, -80.0)
"""By how much a* and b* grow from black to white."""
AT_BLACK = (-20.0, 50.0)
"""a* and b* of black."""


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
