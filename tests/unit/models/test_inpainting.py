"""Networks that fill masked pixels, wrapped."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.catalogue import Mask, Model, load_catalogue
from models.contract import Contract
from models.errors import ConversionError
from models.inpainting import wrap_inpainting
from models.tiny import tiny_model
from tests.unit.models.ncnn_files import evaluate

SIDE = 512


def network(*, float_: bool = True, opset: int = 17, size: int | None = SIDE, batch: int | str = "batch") -> onnx.ModelProto:
    """Gives `255 - image` where the mask is as the tests say, 9 where it is anything else, through a branch that reads tensors around it.

    Its tensors have the names that LaMa and MI-GAN have, and one more has the contract's.
    """
    kind = TensorProto.FLOAT if float_ else TensorProto.UINT8
    expected, full = (np.float32(1), np.float32(1)) if float_ else (np.uint8(0), np.uint8(255))
    branch = helper.make_graph(
        [helper.make_node("Sub", ["full", "image"], ["opposite"])],
        "then",
        [],
        [helper.make_tensor_value_info("opposite", kind, None)],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["same"])], "else", [], [helper.make_tensor_value_info("same", kind, None)]
    )
    nodes = [
        helper.make_node("If", ["true"], ["filled"], then_branch=branch, else_branch=other),
        helper.make_node("Equal", ["mask", "expected"], ["hole"]),
        helper.make_node("Where", ["hole", "filled", "nine"], ["result"]),
    ]
    constants = {"full": full, "expected": expected, "nine": expected.dtype.type(9), "true": np.array(True), "unused": np.zeros(100)}
    shapes = {"image": 3, "mask": 1, "result": 3}
    values = [helper.make_tensor_value_info(name, kind, [batch, channels, size, size]) for name, channels in shapes.items()]
    graph = helper.make_graph(
        nodes, "test", values[:2], values[2:], [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def model(name: str) -> Model:
    return load_catalogue().models[name]


def wrapped(name: str, core: onnx.ModelProto) -> onnx.ModelProto:
    entry = model(name)
    source = entry.sources[0].model_copy(update={"output": "result", "full": 1.0 if name == "lama" else 255.0})
    assert source.mask is not None
    return wrap_inpainting(core, entry, source, source.mask)


def picture(pictures: int = 1) -> np.ndarray:
    """Noise, with a mask of 128 in a rectangle and of 127 elsewhere."""
    pixels = np.random.default_rng(4).integers(0, 256, (pictures, SIDE, SIDE, 4), dtype=np.uint8)
    pixels[..., 3] = 127
    pixels[:, 100:200, 300:420, 3] = 128
    return pixels


@pytest.mark.parametrize(
    ("name", "core"), [("lama", network(opset=12)), ("migan", network(float_=False, size=None))], ids=["lama", "migan"]
)
def test_only_masked_pixels_are_the_networks_and_each_form_of_mask_is_given_as_it_wants_it(name: str, core: onnx.ModelProto) -> None:
    # What is 0 to 1 inside, or 0 to 255, is 255 - pixel outside. MI-GAN's 255 for known is none of 0, so those pixels would be 9.
    pixels = picture()
    result = evaluate(wrapped(name, core), image=pixels)
    expected = pixels[..., :3].copy()
    expected[:, 100:200, 300:420] = 255 - expected[:, 100:200, 300:420]
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


def test_what_only_a_branch_reads_is_kept_and_the_rest_is_not() -> None:
    names = {tensor.name for tensor in wrapped("lama", network()).graph.initializer}
    assert {"full", "expected"} <= names
    assert "unused" not in names


@pytest.mark.parametrize(
    ("core", "says"),
    [
        (network(size=256), "256 x 256 pixels .* given 512 x 512: export it for that size"),
        (tiny_model(Contract("upscale", scale=2)), "no output 'result'"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(core: onnx.ModelProto, says: str) -> None:
    with pytest.raises(ConversionError, match=says):
        wrapped("lama", core)


def test_a_network_without_the_second_input_is_refused() -> None:
    entry = model("lama")
    with pytest.raises(ConversionError, match=r"inputs are \['image', 'mask'\], and \['hole', 'image'\] are wanted"):
        wrap_inpainting(network(), entry, entry.sources[0].model_copy(update={"output": "result"}), Mask(input="hole"))


def test_a_network_for_one_picture_is_not_declared_to_take_several() -> None:
    entry = model("lama")
    several = entry.model_copy(update={"serving": entry.serving.model_copy(update={"max_batch_size": 4})})
    source = entry.sources[0].model_copy(update={"output": "result"})
    assert source.mask is not None
    with pytest.raises(ConversionError, match="one picture at a time: max_batch_size has to be 1"):
        wrap_inpainting(network(batch=1), several, source, source.mask)


def test_the_tiny_network_fills_with_the_mean_of_what_is_known() -> None:
    pixels = np.zeros((2, SIDE, SIDE, 4), np.uint8)
    pixels[:, :, : SIDE // 2, :3] = (100, 150, 200)
    pixels[0, :50, :, 3] = 255
    pixels[0, :50, :, :3] = 7

    filled = evaluate(tiny_model(Contract("inpaint", SIDE, SIDE)), image=pixels)

    assert filled.shape == (2, SIDE, SIDE, 3)
    np.testing.assert_array_equal(filled[0, :50], np.broadcast_to(np.uint8([50, 75, 100]), (50, SIDE, 3)))
    np.testing.assert_array_equal(filled[0, 50:], pixels[0, 50:, :, :3])
    np.testing.assert_array_equal(filled[1], pixels[1, ..., :3])
