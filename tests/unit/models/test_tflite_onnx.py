from __future__ import annotations

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from tflite import ActivationFunctionType, BuiltinOperator, Padding

from models.errors import ConversionError
from models.tflite_onnx import convert
from tests.unit.models.tflite_files import Given, Made, convolution, empty, network

RNG = np.random.default_rng(3)
PICTURES = RNG.normal(size=(2, 5, 6, 3)).astype(np.float32)
RELU, SAME, VALID = ActivationFunctionType.RELU, Padding.SAME, Padding.VALID


def run(content: bytes, pictures: np.ndarray = PICTURES) -> np.ndarray:
    """What the converted network makes of a batch, by ONNX's reference implementation."""
    model = convert(content)
    result: np.ndarray = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: pictures})[0]
    return result


def slid(pictures: np.ndarray, weights: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """A convolution as TFLite defines it: weights [out, height, width, in]; SAME has the odd row of zeros at the end."""
    high, wide = weights.shape[1:3]
    height, width = pictures.shape[1:3]
    if padding == SAME:
        totals = [max(0, (-(-size // stride) - 1) * stride + kernel - size) for size, kernel in ((height, high), (width, wide))]
        around = [(total // 2, total - total // 2) for total in totals]
        pictures = np.pad(pictures, ((0, 0), *around, (0, 0)))
    rows = range(0, pictures.shape[1] - high + 1, stride)
    columns = range(0, pictures.shape[2] - wide + 1, stride)
    return np.array(
        [[[[(one[r : r + high, c : c + wide] * kernel).sum() for kernel in weights] for c in columns] for r in rows] for one in pictures]
    )


@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_convolution_with_float16_weights(stride: int, padding: int, sparse: bool) -> None:
    weights = RNG.normal(size=(4, 3, 3, 3)).astype(np.float16)
    if sparse:
        weights[np.abs(weights) < 0.5] = 0
    bias = RNG.normal(size=4).astype(np.float32)
    expected = np.maximum(slid(PICTURES, weights.astype(np.float32), stride, padding) + bias, 0)
    tensors = [
        Given((1, 5, 6, 3)),
        Given(weights.shape, weights, sparse),
        Given(weights.shape),
        Given(weights.shape),
        Given((4,), bias),
        Given((1, *expected.shape[1:])),
    ]
    operators = [
        Made(BuiltinOperator.DENSIFY, (1,), (2,)) if sparse else Made(BuiltinOperator.DEQUANTIZE, (1,), (2,)),
        Made(BuiltinOperator.DEQUANTIZE, (2,), (3,)),
        Made(BuiltinOperator.CONV_2D, (0, 3, 4), (5,), **convolution(stride, RELU, padding)),
    ]
    np.testing.assert_allclose(run(network(tensors, operators, [0], [5])), expected, atol=1e-4)


def test_each_channel_apart() -> None:
    weights = RNG.normal(size=(1, 3, 3, 3)).astype(np.float32)
    whole = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        whole[channel, :, :, channel] = weights[0, :, :, channel]
    tensors = [Given((1, 5, 6, 3)), Given(weights.shape, weights), Given((1, 3, 3, 3))]
    operators = [Made(BuiltinOperator.DEPTHWISE_CONV_2D, (0, 1), (2,), **convolution(2, 0, SAME, depthwise=True))]
    np.testing.assert_allclose(run(network(tensors, operators, [0], [2])), slid(PICTURES, whole, 2, SAME), atol=1e-5)


def test_zeros_around_and_slopes_and_sums() -> None:
    around = np.array([(0, 0), (0, 1), (1, 0), (0, 2)], np.int32)
    slopes = np.array([0.5, -1, 2, 3, 4], np.float32).reshape(1, 1, 5)
    tensors = [Given((1, 5, 6, 3)), Given((4, 2), around), Given((1, 6, 7, 5)), Given((1, 1, 5), slopes), *[Given((1, 6, 7, 5))] * 2]
    operators = [
        Made(BuiltinOperator.PAD, (0, 1), (2,)),
        Made(BuiltinOperator.PRELU, (2, 3), (4,)),
        Made(BuiltinOperator.ADD, (2, 4), (5,), **empty("AddOptions")),
    ]
    padded = np.pad(PICTURES, around)
    expected = padded + np.where(padded < 0, padded * slopes, padded)
    np.testing.assert_allclose(run(network(tensors, operators, [0], [5])), expected, atol=1e-6)


def test_reshaping_keeps_the_order_of_the_file_and_the_batch() -> None:
    tensors = [Given((1, 5, 6, 3)), Given((3,), np.array([1, 30, 3], np.int32)), Given((1, 30, 3))]
    content = network(tensors, [Made(BuiltinOperator.RESHAPE, (0, 1), (2,))], [0], [2])
    np.testing.assert_array_equal(run(content), PICTURES.reshape(2, 30, 3))


def test_what_is_not_supported_is_refused() -> None:
    tensors = [Given((1, 5, 6, 3)), Given((1, 5, 6, 3))]
    with pytest.raises(ConversionError, match="LOGISTIC is not supported"):
        convert(network(tensors, [Made(BuiltinOperator.LOGISTIC, (0,), (1,))], [0], [1]))
    weights = Given((3, 1, 1, 3), np.zeros((3, 1, 1, 3), np.float32))
    tanh = Made(BuiltinOperator.CONV_2D, (0, 1), (2,), **convolution(activation=ActivationFunctionType.TANH))
    with pytest.raises(ConversionError, match="activation"):
        convert(network([tensors[0], weights, tensors[1]], [tanh], [0], [2]))


@pytest.mark.parametrize("content", [b"", b"no network at all", b"\x1c\0\0\0TFL3" + b"\xff" * 40])
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(ConversionError, match="TFLite"):
        convert(content)
