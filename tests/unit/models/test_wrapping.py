from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.contract import Contract, Normalisation
from models.errors import ConversionError
from models.wrapping import wrap
from tests.unit.models.ncnn_files import evaluate

PLAIN = Normalisation((0, 0, 0), (255, 255, 255))


def network(*nodes: onnx.NodeProto, batch: int | str = "batch") -> onnx.ModelProto:
    """A network of these nodes from `pixels` to `result`, three channels each."""
    shape = [batch, 3, None, None]
    source = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, shape)
    graph = helper.make_graph(list(nodes), "test", [source], [result])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def wrapped(core: onnx.ModelProto, normalisation: Normalisation = PLAIN, precision: str = "fp32") -> onnx.ModelProto:
    return wrap(
        core,
        Contract("upscale"),
        normalisation,
        input_name="pixels",
        output_name="result",
        precision=precision,
    )


def every_level() -> np.ndarray:
    """A batch of two pictures in which each channel holds each of the 256 levels once, each channel in another order."""
    levels = np.arange(256, dtype=np.uint8)
    picture = np.stack([levels, levels[::-1], np.roll(levels, 100)], axis=1).reshape(8, 32, 3)
    return np.stack([picture, picture[::-1]])


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_network_that_changes_nothing_gives_every_level_back(precision: str) -> None:
    model = wrapped(network(helper.make_node("Identity", ["pixels"], ["result"])), precision=precision)

    result = evaluate(model, image=every_level())

    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, every_level())


def test_each_channel_has_its_own_normalisation() -> None:
    model = wrapped(
        network(helper.make_node("Identity", ["pixels"], ["result"])),
        Normalisation((10, 20, 30), (255, 510, 127.5)),
    )

    result = evaluate(model, image=np.full((1, 1, 1, 3), 110, dtype=np.uint8))

    np.testing.assert_array_equal(result, [[[[100, 45, 160]]]])


def test_values_are_rounded_to_the_nearest_level_and_clipped() -> None:
    # (pixel - 100) / 102, in 0..1 times 255: 2.5 levels a step from 0 at a pixel of 100.
    model = wrapped(
        network(helper.make_node("Identity", ["pixels"], ["result"])),
        Normalisation((100, 100, 100), (102, 102, 102)),
    )
    row = np.array([0, 99, 100, 101, 102, 103, 201, 202, 203, 255], dtype=np.uint8)

    result = evaluate(model, image=np.repeat(row, 3).reshape(1, 1, -1, 3))

    np.testing.assert_array_equal(result[0, 0, :, 0], [0, 0, 0, 2, 5, 8, 252, 255, 255, 255])


def test_a_network_exported_for_one_picture_takes_two() -> None:
    model = wrapped(network(helper.make_node("Neg", ["pixels"], ["half"]), helper.make_node("Neg", ["half"], ["result"]), batch=1))

    np.testing.assert_array_equal(evaluate(model, image=every_level()), every_level())


def test_a_network_with_another_input_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"inputs are \['pixels'\], one named 'input'"):
        wrap(
            network(helper.make_node("Identity", ["pixels"], ["result"])),
            Contract("upscale"),
            PLAIN,
            input_name="input",
            output_name="result",
            precision="fp32",
        )


def test_a_network_whose_output_does_not_fit_the_contract_is_refused() -> None:
    with pytest.raises(ConversionError, match="does not fit its contract"):
        wrap(
            network(helper.make_node("Identity", ["pixels"], ["result"])),
            Contract("matte", 8, 8),
            PLAIN,
            input_name="pixels",
            output_name="result",
            precision="fp32",
        )


@pytest.mark.parametrize(
    ("contract", "size", "wanted"),
    [
        (Contract("matte", 1024, 1024), (512, 512), "1024 x 1024"),
        (Contract("matte"), (320, None), "1024 x 1024"),
        (Contract("upscale"), (64, 64), "any size"),
    ],
)
def test_a_network_for_another_size_is_refused(contract: Contract, size: tuple[int | None, int | None], wanted: str) -> None:
    image = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, *size]) for name in ("pixels", "result")]
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["result"])], "test", image[:1], image[1:])
    core = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    with pytest.raises(ConversionError, match=f"is given {wanted}: export it for that size, or with a variable one"):
        wrap(core, contract, PLAIN, input_name="pixels", output_name="result", precision="fp32")


def test_logits_become_shares() -> None:
    core = network(helper.make_node("Identity", ["pixels"], ["result"]))
    # Pixels of 0 to 255 are given to the network as -6 to 6.
    model = wrap(
        core,
        Contract("upscale"),
        Normalisation((127.5,) * 3, (21.25,) * 3),
        input_name="pixels",
        output_name="result",
        precision="fp32",
        logits=True,
    )
    picture = every_level()
    expected = np.round(255 / (1 + np.exp(-(picture - 127.5) / 21.25)))
    assert np.abs(evaluate(model, image=picture).astype(int) - expected).max() <= 1


def painter(channels: int) -> onnx.ModelProto:
    """Gives its input, from `pixels` to `paint`, and its first channel once more; -1 to 1 as 0 to 1."""
    nodes = [
        helper.make_node("Slice", ["pixels", "first", "second", "axis"], ["red"]),
        helper.make_node("Concat", ["pixels", "red"], ["all"], axis=1),
        helper.make_node("Mul", ["all", "half"], ["image"]),
        helper.make_node("Add", ["image", "half"], ["paint"]),
    ]
    constants = [numpy_helper.from_array(np.array([number]), name) for name, number in (("first", 0), ("second", 1), ("axis", 1))]
    constants.append(numpy_helper.from_array(np.array(0.5, np.float32), "half"))
    source = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", channels, None, None])
    result = helper.make_tensor_value_info("paint", TensorProto.FLOAT, ["batch", channels + 1, None, None])
    graph = helper.make_graph(nodes, "test", [source], [result], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def wrapped_painter(channels: int) -> onnx.ModelProto:
    centred = Normalisation((127.5,) * 4, (127.5,) * 4)
    return wrap(painter(channels), Contract("paint"), centred, input_name="pixels", output_name="paint", precision="fp32")


def test_a_network_for_paint_is_given_the_place_and_may_have_names_of_the_contract() -> None:
    picture = np.concatenate([every_level(), 255 - every_level()[..., :1]], axis=3)

    paint = evaluate(wrapped_painter(4), image=picture)

    assert paint.dtype == np.uint8
    np.testing.assert_array_equal(paint, np.concatenate([picture, picture[..., :1]], axis=3))


def test_a_network_with_another_number_of_channels_is_refused() -> None:
    with pytest.raises(ConversionError, match="input has 3 channels, and a model for 'paint' is given 4"):
        wrapped_painter(3)


def colour_reader() -> onnx.ModelProto:
    """Each column is a step, whose three classes are as likely as it is red, green and blue."""
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["columns"], axes=[2], keepdims=0),
        helper.make_node("Transpose", ["columns"], ["result"], perm=[0, 2, 1]),
    ]
    source = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 48, None])
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", None, 3])
    graph = helper.make_graph(nodes, "test", [source], [result])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


def wrapped_reader(*characters: str) -> onnx.ModelProto:
    contract = Contract("read", 48)
    return wrap(colour_reader(), contract, PLAIN, input_name="pixels", output_name="result", precision="fp32", characters=characters)


def test_a_reader_gives_code_points_and_how_sure_they_are() -> None:
    lines = np.zeros((2, 48, 3, 3), dtype=np.uint8)
    lines[0, :, 0], lines[0, :, 1], lines[0, :, 2] = (200, 10, 10), (10, 250, 10), (10, 10, 100)
    lines[1, :, :, 1] = 255

    read = evaluate(wrapped_reader("🛁"), image=lines)

    assert read.dtype == np.uint8
    assert read.tolist()[0] == [[[0, 0, 0, 200], [0x01, 0xF6, 0xC1, 250], [0, 0, 0x20, 100]]]
    assert read.tolist()[1] == [[[0x01, 0xF6, 0xC1, 255]] * 3]


@pytest.mark.parametrize("characters", [(), ("a", "b"), ("ab",)])
def test_a_reader_whose_characters_do_not_fit_its_classes_is_refused(characters: tuple[str, ...]) -> None:
    with pytest.raises(ConversionError, match="distinguishes 3 classes"):
        wrapped_reader(*characters)
