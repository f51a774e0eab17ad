"""Converts an ncnn network to ONNX; supports the layer types of super-resolution networks.

Semantics of each layer and its parameters: https://github.com/Tencent/ncnn/blob/master/docs/developer-guide/operators.md Any unsupported
layer, parameter or value raises ConversionError, so that no network is converted incorrectly.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.errors import ConversionError
from models.ncnn import Layer, Params, WeightReader, parse_param

OPSET = 17
IR_VERSION = 8

INPUT = "input"
OUTPUT = "output"


def convert(param_text: str, weights: bytes, *, channels: int = 3) -> onnx.ModelProto:
    """The ncnn network as an ONNX model in float32.

    Its input `input` and output `output` are float [N, C, H, W]; N, H and W are dynamic. The network must have one input
    layer of `channels` channels and one blob that no layer consumes. Raises ConversionError.
    """
    network = _Network(WeightReader(weights), channels)
    for layer in parse_param(param_text):
        emit = _LAYERS.get(layer.kind)
        if emit is None:
            raise ConversionError(f"ncnn layer {layer.name}: the type {layer.kind} is not supported")
        params = Params(layer)
        emit(network, layer, params)
        params.finish()
    network.weights.finish()
    return network.model()


class _Network:
    """The ONNX graph under construction. Blobs are identified by their ncnn names."""

    def __init__(self, weights: WeightReader, channels: int) -> None:
        self.weights = weights
        self._values: dict[str, str] = {}
        self._channels: dict[str, int] = {}
        self._unconsumed: dict[str, None] = {}
        self._input_channels = channels
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def value(self, blob: str) -> str:
        """The ONNX value for a blob."""
        self._require(blob)
        self._unconsumed.pop(blob, None)
        return self._values[blob]

    def channels(self, blob: str) -> int:
        """The number of channels of a blob."""
        self._require(blob)
        return self._channels[blob]

    def _require(self, blob: str) -> None:
        if blob not in self._values:
            raise ConversionError(f"ncnn blob {blob} is used before it is made")

    def bind(self, blob: str, value: str, channels: int) -> None:
        self._values[blob] = value
        self._channels[blob] = channels
        self._unconsumed[blob] = None

    def bind_input(self, blob: str) -> None:
        if INPUT in self._values.values():
            raise ConversionError("ncnn network: more than one input layer")
        self.bind(blob, INPUT, self._input_channels)

    def constant(self, name: str, value: NDArray[np.float32]) -> str:
        self._initializers.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node; its only output has the node's name, unless that is the name of the network's input or output."""
        name = f"ncnn.{name}" if name in (INPUT, OUTPUT) and op != "Identity" else name
        self._nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def model(self) -> onnx.ModelProto:
        if len(self._unconsumed) != 1:
            raise ConversionError(f"ncnn network: one output is wanted, found {sorted(self._unconsumed)}")
        (blob,) = self._unconsumed
        self.node("Identity", OUTPUT, self.value(blob))
        graph = helper.make_graph(
            self._nodes,
            "ncnn",
            [_image(INPUT, self._input_channels)],
            [_image(OUTPUT, self.channels(blob))],
            self._initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


def _image(name: str, channels: int) -> onnx.ValueInfoProto:
    # Height and width are unnamed, since the output's differ from the input's.
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, None, None])


def _only(blobs: tuple[str, ...], layer: Layer, count: int = 1) -> tuple[str, ...]:
    if len(blobs) != count:
        raise ConversionError(f"ncnn layer {layer.name} ({layer.kind}): {len(blobs)} blobs where {count} are expected")
    return blobs


def _input(network: _Network, layer: Layer, params: Params) -> None:
    (output,) = _only(layer.outputs, layer)
    network.bind_input(output)


def _split(network: _Network, layer: Layer, params: Params) -> None:
    (source,) = _only(layer.inputs, layer)
    value = network.value(source)
    for output in layer.outputs:
        network.bind(output, value, network.channels(source))


def _convolution(network: _Network, layer: Layer, params: Params) -> None:
    (source,) = _only(layer.inputs, layer)
    (output,) = _only(layer.outputs, layer)
    channels = params.integer(0, 0)
    width = params.integer(1, 0)
    height = params.integer(11, width)
    dilation = params.integer(2, 1)
    stride = params.integer(3, 1)
    padding = params.integer(4, 0)
    has_bias = params.integer(5, 0)
    weight_count = params.integer(6, 0)
    source_channels = network.channels(source)
    if padding < 0:
        raise ConversionError(f"ncnn layer {layer.name}: automatic padding ({padding}) is not supported")
    if weight_count != channels * source_channels * height * width:
        raise ConversionError(
            f"ncnn layer {layer.name}: {weight_count} weights do not fit {source_channels} → {channels} channels "
            f"with a {height}×{width} kernel"
        )
    kernel = network.weights.tagged_values(weight_count).reshape(channels, source_channels, height, width)
    inputs = [network.value(source), network.constant(f"{layer.name}.weight", kernel)]
    if has_bias:
        inputs.append(network.constant(f"{layer.name}.bias", network.weights.raw(channels)))
    value = network.node(
        "Conv",
        layer.name,
        *inputs,
        kernel_shape=[height, width],
        dilations=[dilation, dilation],
        strides=[stride, stride],
        pads=[padding] * 4,
    )
    network.bind(output, _activation(network, layer, params, value), channels)


def _activation(network: _Network, layer: Layer, params: Params, value: str) -> str:
    """The activation that ncnn fused into a convolution."""
    kind = params.integer(9, 0)
    arguments = params.array(10)
    if kind == 0:
        return value
    if kind == 1:
        return network.node("Relu", f"{layer.name}.relu", value)
    if kind == 2 and len(arguments) == 1:
        return network.node("LeakyRelu", f"{layer.name}.leaky_relu", value, alpha=arguments[0])
    raise ConversionError(f"ncnn layer {layer.name}: the activation type {kind} is not supported")


def _prelu(network: _Network, layer: Layer, params: Params) -> None:
    (source,) = _only(layer.inputs, layer)
    (output,) = _only(layer.outputs, layer)
    count = params.integer(0, 0)
    channels = network.channels(source)
    if count not in (1, channels):
        raise ConversionError(f"ncnn layer {layer.name}: {count} slopes for {channels} channels")
    slope = network.constant(f"{layer.name}.slope", network.weights.raw(count).reshape(count, 1, 1))
    network.bind(output, network.node("PRelu", layer.name, network.value(source), slope), channels)


def _concat(network: _Network, layer: Layer, params: Params) -> None:
    (output,) = _only(layer.outputs, layer)
    axis = params.integer(0, 0)
    if axis != 0:
        raise ConversionError(f"ncnn layer {layer.name}: joining along axis {axis} is not supported, only channels (0)")
    channels = sum(network.channels(source) for source in layer.inputs)
    # ncnn's axis numbers leave out the batch.
    value = network.node("Concat", layer.name, *(network.value(source) for source in layer.inputs), axis=1)
    network.bind(output, value, channels)


def _eltwise(network: _Network, layer: Layer, params: Params) -> None:
    (output,) = _only(layer.outputs, layer)
    operation = params.integer(0, 0)
    coefficients = params.array(1) or [1.0] * len(layer.inputs)
    if operation != 1 or len(coefficients) != len(layer.inputs):
        raise ConversionError(f"ncnn layer {layer.name}: only a sum with one coefficient an input is supported")
    terms = [
        network.value(source) if factor == 1.0 else _scaled(network, layer, index, network.value(source), factor)
        for index, (source, factor) in enumerate(zip(layer.inputs, coefficients, strict=True))
    ]
    network.bind(output, network.node("Sum", layer.name, *terms), network.channels(layer.inputs[0]))


def _scaled(network: _Network, layer: Layer, index: int, value: str, factor: float) -> str:
    constant = network.constant(f"{layer.name}.coefficient{index}", np.array(factor, dtype=np.float32))
    return network.node("Mul", f"{layer.name}.term{index}", value, constant)


def _binary(network: _Network, layer: Layer, params: Params) -> None:
    first, second = _only(layer.inputs, layer, 2)
    (output,) = _only(layer.outputs, layer)
    operation = params.integer(0, 0)
    if operation != 0:
        raise ConversionError(f"ncnn layer {layer.name}: the operation {operation} is not supported, only addition (0)")
    value = network.node("Add", layer.name, network.value(first), network.value(second))
    network.bind(output, value, network.channels(first))


# resize_type → the attributes of ONNX's Resize that compute the same. ncnn samples the nearest pixel at floor(x / scale)
# and uses Keys' cubic kernel with a = -0.75 on half-pixel centres, edges clamped, without antialiasing.
_RESIZE: Mapping[int, Mapping[str, str | float]] = MappingProxyType(
    {
        1: {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        3: {"mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75},
    }
)


def _interp(network: _Network, layer: Layer, params: Params) -> None:
    (source,) = _only(layer.inputs, layer)
    (output,) = _only(layer.outputs, layer)
    kind = params.integer(0, 0)
    height_scale = params.number(1, 1.0)
    width_scale = params.number(2, 1.0)
    attributes = _RESIZE.get(kind)
    if attributes is None:
        raise ConversionError(f"ncnn layer {layer.name}: the resize type {kind} is not supported")
    scales = network.constant(f"{layer.name}.scales", np.array([1, 1, height_scale, width_scale], dtype=np.float32))
    value = network.node("Resize", layer.name, network.value(source), "", scales, **attributes)
    network.bind(output, value, network.channels(source))


def _pixel_shuffle(network: _Network, layer: Layer, params: Params) -> None:
    (source,) = _only(layer.inputs, layer)
    (output,) = _only(layer.outputs, layer)
    factor = params.integer(0, 1)
    mode = params.integer(1, 0)
    channels, remainder = divmod(network.channels(source), factor * factor)
    if mode != 0 or remainder:
        raise ConversionError(f"ncnn layer {layer.name}: mode {mode} with {network.channels(source)} channels")
    value = network.node("DepthToSpace", layer.name, network.value(source), blocksize=factor, mode="CRD")
    network.bind(output, value, channels)


_LAYERS: Mapping[str, Callable[[_Network, Layer, Params], None]] = MappingProxyType(
    {
        "Input": _input,
        "Split": _split,
        "Convolution": _convolution,
        "PReLU": _prelu,
        "Concat": _concat,
        "Eltwise": _eltwise,
        "BinaryOp": _binary,
        "Interp": _interp,
        "PixelShuffle": _pixel_shuffle,
    }
)
