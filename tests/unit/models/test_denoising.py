"""Networks that remove noise, wrapped."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.catalogue import load_catalogue
from models.contract import Contract, Normalisation
from models.denoising import wrap_denoising
from models.errors import ConversionError
from models.tiny import tiny_model
from tests.unit.models.ncnn_files import evaluate

CONTRACT, ENLARGING = Contract("denoise"), Contract("denoise", scale=2)
PLAIN = Normalisation((0, 0, 0), (255, 255, 255))


def network(channels: int | None, *nodes: onnx.NodeProto, size: int | None = None, **constants: np.ndarray) -> onnx.ModelProto:
    """A network of these nodes from `image`, which is the contract's name for something else, to `denoised`."""
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", channels, size, size])
    made = helper.make_tensor_value_info("denoised", TensorProto.FLOAT, ["batch", 3, None, None])
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "test", [given], [made], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def wrapped(core: onnx.ModelProto, precision: str = "fp32", contract: Contract = CONTRACT) -> onnx.ModelProto:
    return wrap_denoising(core, contract, PLAIN, input_name="image", output_name="denoised", precision=precision)


def picture() -> np.ndarray:
    return np.random.default_rng(6).integers(0, 256, (2, 24, 20, 4), dtype=np.uint8)


def part(start: int, end: int) -> tuple[onnx.NodeProto, dict[str, np.ndarray]]:
    """A node that takes these channels of the network's input, and its constants."""
    return helper.make_node("Slice", ["image", "start", "end", "axis"], ["part"]), {
        "start": np.array([start]),
        "end": np.array([end]),
        "axis": np.array([1]),
    }


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_blind_network_sees_the_picture_alone(precision: str) -> None:
    given = picture()
    result = evaluate(wrapped(network(3, helper.make_node("Identity", ["image"], ["denoised"])), precision), image=given)
    np.testing.assert_array_equal(result, given[..., :3])


def test_a_network_of_four_channels_is_told_the_deviation_as_a_share_of_255() -> None:
    node, constants = part(3, 4)
    threefold = helper.make_node("Concat", ["part", "part", "part"], ["denoised"], axis=1)
    given = picture()
    result = evaluate(wrapped(network(4, node, threefold, **constants)), image=given)
    # In quarters of a level, which is what comes back in levels.
    assert np.abs(result.astype(float) - given[..., 3:] / 4).max() <= 0.5


def test_srmds_input_is_picture_kernel_and_deviation_and_its_result_is_halved() -> None:
    node, constants = part(0, 3)
    twice = helper.make_node("Resize", ["part", "", "scales"], ["denoised"], mode="nearest")
    core = network(19, node, twice, scales=np.array([1, 1, 2, 2], np.float32), **constants)
    given = picture()
    given[..., :3] = np.linspace(20, 230, 20)[None, None, :, None].round().astype(np.uint8)
    result = evaluate(wrapped(core), image=given)
    assert result.shape == (2, 24, 20, 3)
    # A slope doubled and halved again is the same slope, away from the border.
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert np.abs(result[inner].astype(int) - given[..., :3][inner]).max() <= 1

    node, constants = part(18, 19)
    core = network(
        19,
        node,
        helper.make_node("Concat", ["part", "part", "part"], ["three"], axis=1),
        helper.make_node("Resize", ["three", "", "scales"], ["denoised"], mode="nearest"),
        scales=np.array([1, 1, 2, 2], np.float32),
        **constants,
    )
    given[..., 3] = 80
    assert np.unique(evaluate(wrapped(core), image=given)[inner]).tolist() == [20]


def test_a_result_that_is_to_be_larger_is_not_halved() -> None:
    node, constants = part(0, 3)
    twice = helper.make_node("Resize", ["part", "", "scales"], ["denoised"], mode="nearest")
    core = network(19, node, twice, scales=np.array([1, 1, 2, 2], np.float32), **constants)
    given = picture()
    result = evaluate(wrapped(core, contract=ENLARGING), image=given)
    np.testing.assert_array_equal(result, given[..., :3].repeat(2, axis=1).repeat(2, axis=2))


def test_only_srmd_enlarges() -> None:
    core = network(3, helper.make_node("Identity", ["image"], ["denoised"]))
    with pytest.raises(ConversionError, match="that enlarges has 19 channels, and this one has 3"):
        wrapped(core, contract=ENLARGING)


def test_the_numbers_of_the_kernel_have_length_one() -> None:
    # Those of a kernel that does nothing: its components are those of one unit pixel, as far as 15 of them hold it.
    node, constants = part(3, 18)
    square = helper.make_node("Mul", ["part", "part"], ["squares"])
    total = helper.make_node("ReduceSum", ["squares", "axis"], ["one"], keepdims=1)
    three = helper.make_node("Concat", ["one", "one", "one"], ["three"], axis=1)
    twice = helper.make_node("Resize", ["three", "", "scales"], ["denoised"], mode="nearest")
    core = network(19, node, square, total, three, twice, scales=np.array([1, 1, 2, 2], np.float32), **constants)
    inner = evaluate(wrapped(core), image=picture())[:, 2:-2, 2:-2]
    assert inner.min() >= 250


@pytest.mark.parametrize(
    ("channels", "size", "says"),
    [(5, None, "has 3, 4 or 19 channels, and this one has 5"), (3, 64, "export it with a variable height and width")],
)
def test_networks_that_do_not_fit_are_refused(channels: int, size: int | None, says: str) -> None:
    core = network(channels, helper.make_node("Identity", ["image"], ["denoised"]), size=size)
    with pytest.raises(ConversionError, match=says):
        wrapped(core)


def test_an_input_of_another_name_is_refused() -> None:
    core = network(3, helper.make_node("Identity", ["image"], ["denoised"]))
    with pytest.raises(ConversionError, match="one named 'pixels' is wanted"):
        wrap_denoising(core, CONTRACT, PLAIN, input_name="pixels", output_name="denoised", precision="fp32")


def test_the_tiny_network_smooths_where_there_is_noise() -> None:
    given = np.zeros((1, 9, 9, 4), np.uint8)
    given[0, 4, 4, :3] = 90
    model = tiny_model(load_catalogue().models["srmd_x2"].contract)
    np.testing.assert_array_equal(evaluate(model, image=given), given[..., :3])
    given[..., 3] = 4
    result = evaluate(model, image=given)
    assert np.unique(result[0, 3:6, 3:6]).tolist() == [10]
    assert result.sum() == 3 * 90


def test_the_tiny_network_that_enlarges_repeats_pixels() -> None:
    given = picture()
    given[..., 3] = 0
    result = evaluate(tiny_model(load_catalogue().models["srmd_upscale_x4"].contract), image=given)
    np.testing.assert_array_equal(result, given[..., :3].repeat(4, axis=1).repeat(4, axis=2))
