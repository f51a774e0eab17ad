"""Networks that colour, as their authors export them."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from models.contract import COLORIZE_SIDE as SIDE


def network(*, channels: int = 2, side: int | str = SIDE, batch: int | str = "batch") -> bytes:
    """As DDColor is exported: gray RGB of 0 to 1 in, a* and b* out. Here a* is 300 times the red, and b* -100 times."""
    gains = np.array([300.0, -100.0, 1.0][:channels], np.float32)[:, None, None]
    nodes = [
        helper.make_node("Slice", ["input", "first", "second", "axis"], ["red"]),
        helper.make_node("Mul", ["red", "gains"], ["output"]),
    ]
    constants = {"gains": gains, "first": np.array([0]), "second": np.array([1]), "axis": np.array([1])}
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, channels, side, side])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    return made
