"""Adapts a denoising network to its contract: a picture and the standard deviation of its noise in, a picture out, which may be larger."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.contract import INPUT, Contract, Normalisation
from models.errors import ConversionError
from models.graph import make_batch_dynamic, prune, rename
from models.platforms import Precision
from models.precision import set_precision
from models.wrapping import around, planes, whole

_QUARTER = 0.25
"""Levels in a unit of the input's fourth channel."""
_BLIND, _TOLD, _DEGRADATION = 3, 4, 19
"""Channels of networks that are given a picture; a picture and the standard deviation, as a share of 255; and of SRMD."""

_SHARP: tuple[float, ...] = (
    *(-1.12360956e-08, -1.36899159e-08, 1.85637958e-02, 2.86066886e-08, 3.35292965e-02),
    *(8.37272935e-08, -2.54424009e-07, -3.16234976e-02, -1.35169253e-02, -1.10466090e-08),
    *(3.84753793e-02, 3.79465739e-08, -2.44916752e-01, -8.02213490e-01, -5.40549755e-01),
)
"""The principal components of a blur kernel that does nothing, as SRMD (K. Zhang, W. Zuo, L. Zhang: "Learning a single convolutional
super-resolution network for multiple degradations", CVPR 2018) is given them for a picture that was scaled down bicubically."""


def wrap_denoising(
    core: onnx.ModelProto, contract: Contract, normalisation: Normalisation, *, input_name: str, output_name: str, precision: Precision
) -> onnx.ModelProto:
    """The network `core`, float NCHW in and a picture of float NCHW in 0..1 out, as a model that fulfils `contract`.

    The network's input follows from its channels: 3, the picture; 4, and the standard deviation as a share of 255; 19, the
    picture, SRMD's 15 numbers of a blur kernel and the standard deviation. The last enlarges. Where the contract has a scale of 1, it
    enlarges by two, and what it gives is scaled down by the filter that it takes its input to be made with, Keys' cubic one. Raises
    ConversionError if the network does not fit.
    """
    prune(core.graph, output_name)
    inputs = [value.name for value in core.graph.input]
    if inputs != [input_name]:
        raise ConversionError(f"the network's inputs are {inputs}, one named {input_name!r} is wanted")
    channels = _channels(core.graph.input[0])
    if contract.scale > 1 and channels != _DEGRADATION:
        raise ConversionError(f"a network for 'denoise' that enlarges has {_DEGRADATION} channels, and this one has {channels}")
    names = {input_name: "network.picture", output_name: "network.result"}
    for name in {*names, INPUT, contract.output}:
        rename(core.graph, name, names.get(name, f"network.{name}"))
    if core.graph.input[0].type.tensor_type.shape.dim[0].dim_value:
        make_batch_dynamic(core)
    set_precision(core, precision)
    kind = core.graph.input[0].type.tensor_type.elem_type

    constants: dict[str, NDArray[np.generic]] = {
        "contract.first": np.array([0], dtype=np.int64),
        "contract.fourth": np.array([3], dtype=np.int64),
        "contract.end": np.array([4], dtype=np.int64),
        "contract.axis": np.array([3], dtype=np.int64),
        "contract.subtract": np.array(normalisation.subtract, dtype=np.float32),
        "contract.divide": np.array(normalisation.divide, dtype=np.float32),
        "contract.full": np.array(255, dtype=np.float32),
        "contract.zero": np.array(0, dtype=np.float32),
    }
    if channels > _BLIND:
        constants["contract.unit"] = np.array(_QUARTER / 255, dtype=np.float32)
    before = [
        helper.make_node("Cast", [INPUT], ["contract.float"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["contract.float", "contract.first", "contract.fourth", "contract.axis"], ["contract.colour"]),
        *planes("contract.colour", "contract.planes"),
    ]
    given = "contract.planes"
    if channels > _BLIND:
        parts = ["contract.planes", "contract.deviation"]
        before += [
            helper.make_node("Slice", ["contract.float", "contract.fourth", "contract.end", "contract.axis"], ["contract.quarters"]),
            helper.make_node("Transpose", ["contract.quarters"], ["contract.noise"], perm=[0, 3, 1, 2]),
            helper.make_node("Mul", ["contract.noise", "contract.unit"], ["contract.deviation"]),
        ]
        if channels == _DEGRADATION:
            constants["contract.sharp"] = np.array(_SHARP, dtype=np.float32).reshape(1, -1, 1, 1)
            before += [
                helper.make_node("Shape", ["contract.deviation"], ["contract.shape"]),
                helper.make_node("Expand", ["contract.sharp", "contract.shape"], ["contract.kernel"]),
            ]
            parts.insert(1, "contract.kernel")
        given = "contract.given"
        before.append(helper.make_node("Concat", parts, [given], axis=1))
    before.append(helper.make_node("Cast", [given], ["network.picture"], to=kind))
    after = [helper.make_node("Cast", ["network.result"], ["contract.output"], to=TensorProto.FLOAT)]
    result = "contract.output"
    if channels == _DEGRADATION and contract.scale == 1:
        constants["contract.halving"] = _halving()
        result = "contract.halved"
        after.append(
            helper.make_node("Conv", ["contract.output", "contract.halving"], [result], group=3, strides=[2, 2], pads=[3, 3, 3, 3])
        )
    after += [
        helper.make_node("Transpose", [result], ["contract.pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["contract.pixels", "contract.full"], ["contract.levels"]),
        *whole("contract.levels", contract.output),
    ]
    return around(contract, before, core, after, constants)


def _channels(value: onnx.ValueInfoProto) -> int:
    shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    if len(shape) != 4:
        raise ConversionError(f"the network's input has {len(shape)} axes, and batch, channels, height, width are wanted")
    if shape[2] or shape[3]:
        raise ConversionError("a network for 'denoise' is given pictures of any size: export it with a variable height and width")
    if shape[1] not in (_BLIND, _TOLD, _DEGRADATION):
        raise ConversionError(f"a network for 'denoise' has {_BLIND}, {_TOLD} or {_DEGRADATION} channels, and this one has {shape[1]}")
    return int(shape[1])


def _halving() -> NDArray[np.float32]:
    """Keys' cubic kernel (a = -0.5), widened to scale down by two, for each of three channels."""
    away = np.abs(np.arange(-3.5, 4) / 2)
    near, far = 1.5 * away**3 - 2.5 * away**2 + 1, -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    taps = np.where(away <= 1, near, far)
    taps /= taps.sum()
    return np.tile(np.outer(taps, taps).astype(np.float32), (3, 1, 1, 1))
