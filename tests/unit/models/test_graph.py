from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.errors import ConversionError
from models.graph import make_batch_dynamic, prune
from tests.unit.models.ncnn_files import evaluate


def model(nodes: list[onnx.NodeProto], outputs: list[onnx.ValueInfoProto], *weights: onnx.TensorProto) -> onnx.ModelProto:
    source = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, 4, 4])
    graph = helper.make_graph(nodes, "test", [source], outputs, list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def output(name: str, size: int = 4) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, size, size])


def image(batch: int = 1) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((batch, 1, 4, 4)).astype(np.float32)


def test_pruning_keeps_what_one_output_needs_and_puts_it_in_order() -> None:
    weight = numpy_helper.from_array(np.float32(2), "two")
    unused = numpy_helper.from_array(np.zeros(1000, dtype=np.float32), "unused")
    # As an exporter leaves it: the consumer before its producer, and a second output nobody wants.
    nodes = [
        helper.make_node("Add", ["double", "input"], ["wanted"]),
        helper.make_node("Mul", ["input", "two"], ["double"]),
        helper.make_node("Mul", ["double", "unused"], ["other"]),
    ]
    network = model(nodes, [output("other"), output("wanted")], weight, unused)

    prune(network.graph, "wanted")

    assert [node.op_type for node in network.graph.node] == ["Mul", "Add"]
    assert [tensor.name for tensor in network.graph.initializer] == ["two"]
    onnx.checker.check_model(network, full_check=True)
    np.testing.assert_allclose(evaluate(network, input=image()), 3 * image(), rtol=1e-6)


def test_pruning_to_an_output_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"no output 'alpha', only \['wanted'\]"):
        prune(model([helper.make_node("Neg", ["input"], ["wanted"])], [output("wanted")]).graph, "alpha")


def test_a_resize_to_the_size_of_the_batch_1_example_takes_any_batch() -> None:
    sizes = numpy_helper.from_array(np.array([1, 1, 8, 8], dtype=np.int64), "sizes")
    nodes = [
        helper.make_node(
            "Resize",
            ["input", "", "", "sizes"],
            ["output"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
    ]
    network = model(nodes, [output("output", 8)], sizes)

    make_batch_dynamic(network)

    onnx.checker.check_model(network, full_check=True)
    np.testing.assert_array_equal(evaluate(network, input=image(3)), image(3).repeat(2, axis=2).repeat(2, axis=3))


def test_a_resize_by_a_broken_factor_cannot_be_made_dynamic() -> None:
    sizes = numpy_helper.from_array(np.array([1, 1, 6, 6], dtype=np.int64), "sizes")
    network = model([helper.make_node("Resize", ["input", "", "", "sizes"], ["output"])], [output("output", 6)], sizes)

    with pytest.raises(ConversionError, match="no fixed whole scale"):
        make_batch_dynamic(network)
