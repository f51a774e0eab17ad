from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.precision import set_precision
from tests.unit.models.ncnn_files import evaluate

TYPES = {"fp32": np.float32, "fp16": np.float16}
UP = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
SCALES = np.array([1, 1, 2, 2], dtype=np.float32)


def model(
    nodes: list[onnx.NodeProto], *weights: onnx.TensorProto, opset: int = 17, shape: tuple[int, ...] = (1, 1, 4, 4)
) -> onnx.ModelProto:
    source = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, 4, 4])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", "c", "h", "w"])
    graph = helper.make_graph(nodes, "test", [source], [result], list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def constant(name: str, value: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))


def resize(*inputs: str) -> onnx.NodeProto:
    return helper.make_node("Resize", ["input", *inputs], ["output"], **UP)


def image() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((1, 1, 4, 4)).astype(np.float32)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_float_gets_the_precision_and_casts_between_floats_go(precision: str) -> None:
    half = numpy_helper.from_array(np.float16(1.5), "half")
    nodes = [
        helper.make_node("Cast", ["input"], ["as_half"], to=TensorProto.FLOAT16),
        helper.make_node("Mul", ["as_half", "half"], ["scaled"]),
        helper.make_node("Cast", ["scaled"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Cast", ["whole"], ["fraction"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["fraction"], ["output"], to=TensorProto.FLOAT),
    ]
    network = model(nodes, half)

    set_precision(network, precision)

    onnx.checker.check_model(network, full_check=True)
    assert [node.op_type for node in network.graph.node] == ["Mul", "Cast", "Cast", "Identity"]
    dtype = TYPES[precision]
    result = evaluate(network, input=4 * image().astype(dtype))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.trunc(4 * image().astype(dtype) * dtype(1.5)))


@pytest.mark.parametrize(
    "computed",
    [
        [constant("scales", SCALES)],
        [constant("given", SCALES), helper.make_node("Identity", ["given"], ["scales"])],
        [constant("given", SCALES.astype(np.int64)), helper.make_node("Cast", ["given"], ["scales"], to=TensorProto.FLOAT)],
        [
            constant("given", SCALES.astype(np.float16)),
            helper.make_node("Cast", ["given"], ["scales"], to=TensorProto.FLOAT),
        ],
        [
            helper.make_node("Constant", [], ["one"], value_floats=[1.0, 1.0]),
            helper.make_node("Constant", [], ["two"], value_floats=[2.0, 2.0]),
            helper.make_node("Concat", ["one", "two"], ["scales"], axis=0),
        ],
        # As exporters write a resize to a multiple of the input's size.
        [
            helper.make_node("Shape", ["input"], ["shape"]),
            helper.make_node("Cast", ["shape"], ["sides"], to=TensorProto.FLOAT),
            constant("given", SCALES),
            helper.make_node("Mul", ["sides", "given"], ["wanted"]),
            helper.make_node("Div", ["wanted", "sides"], ["scales"]),
        ],
    ],
    ids=["constant", "identity", "cast", "cast-from-half", "concat", "shape"],
)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_scales_of_a_resize_stay_float32_whatever_gives_them(computed: list[onnx.NodeProto], precision: str) -> None:
    network = model([*computed, constant("roi", np.zeros(8, dtype=np.float32)), resize("roi", "scales")])

    set_precision(network, precision)

    onnx.checker.check_model(network, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(network, strict_mode=True, data_prop=True).graph
    types = {value.name: value.type.tensor_type.elem_type for value in inferred.value_info}
    assert types["roi"] == TensorProto.FLOAT
    np.testing.assert_array_equal(
        evaluate(network, input=image().astype(TYPES[precision])), image().astype(TYPES[precision]).repeat(2, axis=2).repeat(2, axis=3)
    )


def test_scales_that_are_also_weights_are_cast_for_the_network() -> None:
    weights = numpy_helper.from_array(SCALES, "scales")
    nodes = [
        helper.make_node("Resize", ["input", "", "scales"], ["larger"], **UP),
        constant("shape", np.array([1, 1, 2, 2])),
        helper.make_node("Reshape", ["scales", "shape"], ["square"]),
        constant("tiles", np.array([1, 1, 4, 4])),
        helper.make_node("Tile", ["square", "tiles"], ["plane"]),
        helper.make_node("Mul", ["larger", "plane"], ["output"]),
    ]
    network = model(nodes, weights)

    set_precision(network, "fp16")

    onnx.checker.check_model(network, full_check=True)
    expected = image().astype(np.float16).repeat(2, axis=2).repeat(2, axis=3) * np.tile([[1, 1], [2, 2]], (4, 4)).astype(np.float16)
    np.testing.assert_array_equal(evaluate(network, input=image().astype(np.float16)), expected)


def test_an_operator_without_float16_gets_float32_and_its_result_is_cast_back() -> None:
    nodes = [
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Constant", [], ["step"], value_float=1.0),
        constant("last", np.array(4, dtype=np.float32)),
        helper.make_node("Range", ["zero", "last", "step"], ["row"]),
        helper.make_node("Add", ["input", "row"], ["output"]),
    ]
    network = model(nodes)

    set_precision(network, "fp16")

    onnx.checker.check_model(network, full_check=True)
    expected = image().astype(np.float16) + np.arange(4, dtype=np.float16)
    np.testing.assert_array_equal(evaluate(network, input=image().astype(np.float16)), expected)


def test_activations_are_cast_for_an_operator_that_takes_float32_only() -> None:
    nodes = [
        helper.make_node("Neg", ["input"], ["negative"]),
        helper.make_node("DynamicQuantizeLinear", ["negative"], ["bytes", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["coarse"]),
        helper.make_node("Neg", ["coarse"], ["output"]),
    ]
    network = model(nodes, opset=19)

    set_precision(network, "fp16")

    onnx.checker.check_model(network, full_check=True)
    given = image().astype(np.float16)
    result = evaluate(network, input=given)
    assert result.dtype == np.float16
    np.testing.assert_allclose(result, given, atol=0.02)
