"""Converts a TensorFlow Lite network to ONNX; supports the operators of MediaPipe's face networks.

Semantics of each operator: https://www.tensorflow.org/mlir/tfl_ops and TensorFlow's reference kernels. TFLite has channels last, ONNX's
convolutions have them first: values of four axes are kept channels first, and turned where the order shows, which is at inputs, outputs
and RESHAPE. Any unsupported operator or option raises ConversionError, so that no network is converted incorrectly.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.errors import ConversionError
from models.ncnn_onnx import IR_VERSION, OPSET
from models.tflite import Network, Operator, options_of, read_network

_FIRST, _LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def convert(content: bytes) -> onnx.ModelProto:
    """The network of a `.tflite` file as an ONNX model in float32.

    Inputs and outputs keep their names, order and axes (channels last). The first axis, 1 in the file, is the batch, of any size. Raises
    ConversionError.
    """
    building = _Building(read_network(content))
    for operator in building.network.operators:
        emit = _OPERATORS.get(operator.kind)
        if emit is None:
            raise ConversionError(f"TFLite: the operator {operator.kind} is not supported")
        emit(building, operator)
    return building.model()


class _Building:
    """The ONNX graph under construction. Tensors are identified by their numbers in the file."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._values: dict[int, str] = {}
        self._constants = {index: tensor.data for index, tensor in enumerate(network.tensors) if tensor.data is not None}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        for index in network.inputs:
            self._require_batch(index)
            name = network.tensors[index].name
            self._values[index] = self._turned(name, f"v{index}", _FIRST) if len(self.shape(index)) == 4 else name

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Its axes in the file, channels last."""
        return self.network.tensors[tensor].shape

    def value(self, tensor: int) -> str:
        """The ONNX value of what an operator has computed."""
        if tensor not in self._values:
            raise ConversionError(f"TFLite tensor {tensor}: it is not computed before it is used")
        return self._values[tensor]

    def constant(self, tensor: int) -> NDArray[Any]:
        """A constant of the file."""
        if tensor not in self._constants:
            raise ConversionError(f"TFLite tensor {tensor}: a constant is wanted there")
        return self._constants[tensor]

    def bind_constant(self, tensor: int, value: NDArray[Any]) -> None:
        self._constants[tensor] = value

    def bind(self, tensor: int, value: str) -> None:
        self._values[tensor] = value

    def initializer(self, name: str, value: NDArray[Any]) -> str:
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node; its only output has the node's name."""
        self._nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def channels_last(self, tensor: int) -> str:
        """A value with its axes as in the file."""
        value = self.value(tensor)
        return self._turned(value, f"{value}.last", _LAST) if len(self.shape(tensor)) == 4 else value

    def _turned(self, value: str, name: str, order: tuple[int, ...]) -> str:
        return self.node("Transpose", name, value, perm=list(order))

    def _require_batch(self, tensor: int) -> None:
        if self.shape(tensor)[:1] != (1,):
            raise ConversionError(f"TFLite tensor {self.network.tensors[tensor].name}: its first axis is not a batch of one")

    def model(self) -> onnx.ModelProto:
        for index in self.network.outputs:
            self._require_batch(index)
            self.node("Identity", self.network.tensors[index].name, self.channels_last(index))
        graph = helper.make_graph(
            self._nodes,
            "tflite",
            [self._described(index) for index in self.network.inputs],
            [self._described(index) for index in self.network.outputs],
            self._initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _described(self, tensor: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(self.network.tensors[tensor].name, TensorProto.FLOAT, ["batch", *self.shape(tensor)[1:]])


def _activated(building: _Building, value: str, activation: int) -> str:
    """The activation that is fused into an operator."""
    if activation == tflite.ActivationFunctionType.NONE:
        return value
    if activation == tflite.ActivationFunctionType.RELU:
        return building.node("Relu", f"{value}.relu", value)
    if activation == tflite.ActivationFunctionType.RELU6:
        limits = (building.initializer(f"{value}.{limit}", np.array(limit, np.float32)) for limit in (0, 6))
        return building.node("Clip", f"{value}.relu6", value, *limits)
    raise ConversionError(f"TFLite: the activation number {activation} is not supported")


def _window(building: _Building, operator: Operator, options: Any, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict[str, Any]:
    """ONNX's attributes of a sliding window. SAME gives ceil(size / stride) places, with the odd row or column of padding at the end."""
    strides = options.StrideH(), options.StrideW()
    source, result = building.shape(operator.inputs[0])[1:3], building.shape(operator.outputs[0])[1:3]
    extents = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    pads = [0, 0]
    if options.Padding() == tflite.Padding.SAME:
        counts = [-(-size // stride) for size, stride in zip(source, strides, strict=True)]
        pads = [
            max(0, (count - 1) * stride + extent - size)
            for count, stride, extent, size in zip(counts, strides, extents, source, strict=True)
        ]
    made = [(size + pad - extent) // stride + 1 for size, pad, extent, stride in zip(source, pads, extents, strides, strict=True)]
    if tuple(made) != tuple(result):
        raise ConversionError(f"TFLite {operator.kind}: it makes {made[0]} x {made[1]} values, and the file says {result}")
    return {
        "kernel_shape": list(kernel),
        "strides": list(strides),
        "pads": [pads[0] // 2, pads[1] // 2, pads[0] - pads[0] // 2, pads[1] - pads[1] // 2],
    }


def _convolution(building: _Building, operator: Operator) -> None:
    depthwise = operator.kind == "DEPTHWISE_CONV_2D"
    options = options_of(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
    # [out, height, width, in], or for each channel apart [1, height, width, out].
    weights = building.constant(operator.inputs[1]).astype(np.float32)
    channels = building.shape(operator.inputs[0])[3]
    groups = channels if depthwise else 1
    if not depthwise and weights.shape[3] != channels:
        raise ConversionError(f"TFLite CONV_2D: weights for {weights.shape[3]} of {channels} channels")
    dilation = options.DilationHFactor(), options.DilationWFactor()
    kernel = int(weights.shape[1]), int(weights.shape[2])
    name = f"v{operator.outputs[0]}"
    inputs = [
        building.value(operator.inputs[0]),
        building.initializer(f"{name}.weights", weights.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))),
    ]
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        inputs.append(building.initializer(f"{name}.bias", building.constant(operator.inputs[2]).astype(np.float32)))
    window = _window(building, operator, options, kernel, dilation)
    value = building.node("Conv", name, *inputs, group=groups, dilations=list(dilation), **window)
    building.bind(operator.outputs[0], _activated(building, value, options.FusedActivationFunction()))


def _max_pool(building: _Building, operator: Operator) -> None:
    options = options_of(operator, tflite.Pool2DOptions)
    kernel = options.FilterHeight(), options.FilterWidth()
    window = _window(building, operator, options, kernel, (1, 1))
    value = building.node("MaxPool", f"v{operator.outputs[0]}", building.value(operator.inputs[0]), **window)
    building.bind(operator.outputs[0], _activated(building, value, options.FusedActivationFunction()))


def _add(building: _Building, operator: Operator) -> None:
    first, second = operator.inputs
    if building.shape(first) != building.shape(second):
        raise ConversionError(f"TFLite ADD: the shapes {building.shape(first)} and {building.shape(second)} differ")
    value = building.node("Add", f"v{operator.outputs[0]}", building.value(first), building.value(second))
    building.bind(operator.outputs[0], _activated(building, value, options_of(operator, tflite.AddOptions).FusedActivationFunction()))


def _pad(building: _Building, operator: Operator) -> None:
    if len(operator.inputs) != 2 or len(building.shape(operator.inputs[0])) != 4:
        raise ConversionError("TFLite PAD: only zeros around four axes are supported")
    around = building.constant(operator.inputs[1])[list(_FIRST)]
    name = f"v{operator.outputs[0]}"
    pads = building.initializer(f"{name}.pads", np.concatenate([around[:, 0], around[:, 1]]).astype(np.int64))
    building.bind(operator.outputs[0], building.node("Pad", name, building.value(operator.inputs[0]), pads))


def _prelu(building: _Building, operator: Operator) -> None:
    slopes = building.constant(operator.inputs[1]).astype(np.float32)
    if slopes.shape[:-1] != (1, 1):
        raise ConversionError(f"TFLite PRELU: slopes of the shape {slopes.shape} are not supported, only one for each channel")
    name = f"v{operator.outputs[0]}"
    slope = building.initializer(f"{name}.slopes", slopes.reshape(-1, 1, 1))
    building.bind(operator.outputs[0], building.node("PRelu", name, building.value(operator.inputs[0]), slope))


def _relu(building: _Building, operator: Operator) -> None:
    building.bind(operator.outputs[0], building.node("Relu", f"v{operator.outputs[0]}", building.value(operator.inputs[0])))


def _reshape(building: _Building, operator: Operator) -> None:
    shape, result = building.shape(operator.inputs[0]), building.shape(operator.outputs[0])
    if shape[:1] != (1,) or result[:1] != (1,):
        raise ConversionError(f"TFLite RESHAPE: from {shape} to {result} changes the batch")
    name = f"v{operator.outputs[0]}"
    wanted = building.initializer(f"{name}.shape", np.array([-1, *result[1:]], np.int64))
    value = building.node("Reshape", name if len(result) != 4 else f"{name}.as_told", building.channels_last(operator.inputs[0]), wanted)
    building.bind(operator.outputs[0], building.node("Transpose", name, value, perm=list(_FIRST)) if len(result) == 4 else value)


def _concatenation(building: _Building, operator: Operator) -> None:
    options = options_of(operator, tflite.ConcatenationOptions)
    axes = len(building.shape(operator.outputs[0]))
    axis = options.Axis() % axes
    if axis == 0:
        raise ConversionError("TFLite CONCATENATION: joining batches is not supported")
    values = (building.value(each) for each in operator.inputs)
    value = building.node("Concat", f"v{operator.outputs[0]}", *values, axis=_FIRST.index(axis) if axes == 4 else axis)
    building.bind(operator.outputs[0], _activated(building, value, options.FusedActivationFunction()))


def _resize_bilinear(building: _Building, operator: Operator) -> None:
    options = options_of(operator, tflite.ResizeBilinearOptions)
    mode = "align_corners" if options.AlignCorners() else "half_pixel" if options.HalfPixelCenters() else "asymmetric"
    source, result = building.shape(operator.inputs[0]), building.shape(operator.outputs[0])
    name = f"v{operator.outputs[0]}"
    scales = building.initializer(f"{name}.scales", np.array([1, 1, result[1] / source[1], result[2] / source[2]], np.float32))
    building.bind(
        operator.outputs[0],
        building.node("Resize", name, building.value(operator.inputs[0]), "", scales, mode="linear", coordinate_transformation_mode=mode),
    )


def _depth_to_space(building: _Building, operator: Operator) -> None:
    size = options_of(operator, tflite.DepthToSpaceOptions).BlockSize()
    name = f"v{operator.outputs[0]}"
    building.bind(operator.outputs[0], building.node("DepthToSpace", name, building.value(operator.inputs[0]), blocksize=size, mode="DCR"))


def _constant_as_it_is(building: _Building, operator: Operator) -> None:
    """float16 weights are widened; sparse ones have been filled as they were read."""
    value = building.constant(operator.inputs[0])
    building.bind_constant(operator.outputs[0], value.astype(np.float32) if operator.kind == "DEQUANTIZE" else value)


_OPERATORS: Mapping[str, Callable[[_Building, Operator], None]] = MappingProxyType(
    {
        "CONV_2D": _convolution,
        "DEPTHWISE_CONV_2D": _convolution,
        "MAX_POOL_2D": _max_pool,
        "ADD": _add,
        "PAD": _pad,
        "PRELU": _prelu,
        "RELU": _relu,
        "RESHAPE": _reshape,
        "CONCATENATION": _concatenation,
        "RESIZE_BILINEAR": _resize_bilinear,
        "DEPTH_TO_SPACE": _depth_to_space,
        "DEQUANTIZE": _constant_as_it_is,
        "DENSIFY": _constant_as_it_is,
    }
)
