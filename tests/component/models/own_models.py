"""Models of the tests' own, added to a catalogue as an operator adds them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 17)]
# Pixels from here on make the fragile network fail.
LIMIT = 100

_ARCHIVE = """
[archives.{name}]
kind = "file"
path = "{name}.onnx"
sha256 = "{sha256}"
"""

_MODEL = """
[models.{name}]
version = 1
summary = "A model of the tests"
upstream = "https://example.org/{name}"
licence = {{ spdx = "MIT", stated = "here" }}
sets = ["default"]
job = "upscale"
subtract = [0, 0, 0]
divide = [1, 1, 1]

[models.{name}.serving]
max_batch_size = 8
preferred_batch_sizes = [8]
max_queue_delay_us = 1000
warmup = [8, 8]

[[models.{name}.sources]]
archive = "{name}"
format = "onnx"
files.onnx.sha256 = "{sha256}"
"""


def catalogue_of(folder: Path, **networks: onnx.ModelProto) -> Path:
    """Writes a catalogue whose models have these networks, and returns its path."""
    text = ""
    for name, network in networks.items():
        onnx.checker.check_model(network)
        data = network.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(data)
        text += (_ARCHIVE + _MODEL).format(name=name, sha256=hashlib.sha256(data).hexdigest())
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def fragile() -> onnx.ModelProto:
    """Looks each pixel up in a table of 255 - pixel that ends at LIMIT."""
    table = ((255 - np.arange(LIMIT)) / 255).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["input"], ["pixels"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "pixels"], ["output"]),
    ]
    return _network("fragile", nodes, numpy_helper.from_array(table, "table"))


def patient() -> onnx.ModelProto:
    """Gives the picture back after rounds of work: as many as its brightest level to the seventh power, so none for black."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["condition"], ["again"]), helper.make_node("Neg", ["state"], ["next"])],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        helper.make_node("ReduceMax", ["input"], ["brightest"], keepdims=0),
        helper.make_node("Pow", ["brightest", "seven"], ["power"]),
        helper.make_node("Cast", ["power"], ["rounds"], to=TensorProto.INT64),
        helper.make_node("Loop", ["rounds", "", "input"], ["looped"], body=body),
        helper.make_node("Abs", ["looped"], ["absolute"]),
        helper.make_node("Div", ["absolute", "full"], ["output"]),
    ]
    seven, full = np.array(7, dtype=np.float32), np.array(255, dtype=np.float32)
    return _network("patient", nodes, numpy_helper.from_array(seven, "seven"), numpy_helper.from_array(full, "full"))


def _network(name: str, nodes: list[onnx.NodeProto], *constants: onnx.TensorProto) -> onnx.ModelProto:
    image = [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, ["batch", 3, None, None]) for tensor in ("input", "output")]
    return helper.make_model(helper.make_graph(nodes, name, image[:1], image[1:], list(constants)), opset_imports=OPSET, ir_version=8)
