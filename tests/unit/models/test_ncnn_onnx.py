"""The converter against the definition of each layer, computed here without ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import ConversionError
from models.ncnn_onnx import convert
from tests.unit.models.ncnn_files import param, raw, run, tagged_float16, tagged_float32

INPUT = "Input in 0 1 data"


def picture(channels: int, height: int, width: int, batch: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(7).standard_normal((batch, channels, height, width)).astype(np.float32)


def convolve(image: NDArray[np.float32], kernel: NDArray[np.float32], stride: int, dilation: int, padding: int) -> NDArray[np.float32]:
    """A convolution as it is defined: one product for each output pixel."""
    padded = np.pad(image, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    reach = [dilation * (size - 1) + 1 for size in kernel.shape[2:]]
    rows = range(0, padded.shape[2] - reach[0] + 1, stride)
    columns = range(0, padded.shape[3] - reach[1] + 1, stride)
    result = np.zeros((len(image), len(kernel), len(rows), len(columns)), dtype=np.float32)
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            patch = padded[:, :, row : row + reach[0] : dilation, column : column + reach[1] : dilation]
            result[:, :, y, x] = np.einsum("nchw,kchw->nk", patch, kernel)
    return result


@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, 1), (2, 1, 1), (1, 2, 2), (1, 1, 0)])
def test_convolution(stride: int, dilation: int, padding: int) -> None:
    image = picture(2, 6, 7, batch=2)
    kernel = picture(2, 3, 3, batch=5)
    bias = np.arange(5, dtype=np.float32)

    result = run(
        [INPUT, f"Convolution conv 1 1 data out 0=5 1=3 2={dilation} 3={stride} 4={padding} 5=1 6={kernel.size}"],
        tagged_float32(kernel) + raw(bias),
        image,
    )

    expected = convolve(image, kernel, stride, dilation, padding) + bias.reshape(1, 5, 1, 1)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_a_kernel_may_be_higher_than_wide() -> None:
    image = picture(1, 6, 6)
    kernel = picture(1, 3, 1)

    result = run([INPUT, "Convolution conv 1 1 data out 0=1 1=1 11=3 6=3"], tagged_float32(kernel), image)

    np.testing.assert_allclose(result, convolve(image, kernel, 1, 1, 0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("activation", "slope"), [("9=0", 1.0), ("9=1", 0.0), ("9=2 -23310=1,2.000000e-01", 0.2)])
def test_the_activation_fused_into_a_convolution(activation: str, slope: float) -> None:
    image = picture(1, 4, 4)

    result = run([INPUT, f"Convolution conv 1 1 data out 0=1 1=1 6=1 {activation}"], tagged_float16([1]), image)

    np.testing.assert_allclose(result, np.where(image > 0, image, slope * image), rtol=1e-6)


def test_prelu_has_a_slope_for_each_channel() -> None:
    image = picture(3, 4, 5)
    slopes = np.array([0.1, -0.5, 2], dtype=np.float32)

    result = run([INPUT, "PReLU prelu 1 1 data out 0=3"], raw(slopes), image)

    np.testing.assert_allclose(result, np.where(image > 0, image, slopes.reshape(1, 3, 1, 1) * image), rtol=1e-6)


def test_concat_joins_channels_in_order() -> None:
    image = picture(1, 2, 2)
    layers = [
        INPUT,
        "Split split 1 2 data a b",
        "Convolution twice 1 1 a c 0=1 1=1 6=1",
        "Concat join 2 1 c b out 0=0",
    ]

    result = run(layers, tagged_float32([2]), image)

    np.testing.assert_allclose(result, np.concatenate([2 * image, image], axis=1))


def test_eltwise_adds_with_coefficients() -> None:
    image = picture(1, 2, 2)
    layers = [INPUT, "Split split 1 2 data a b", "Convolution ten 1 1 a c 0=1 1=1 6=1"]
    weighted = [*layers, "Eltwise add 2 1 c b out 0=1 -23301=2,2.000000e-01,1.000000e+00"]
    plain = [*layers, "Eltwise add 2 1 c b out 0=1"]

    np.testing.assert_allclose(run(weighted, tagged_float32([10]), image), 3 * image, rtol=1e-5)
    np.testing.assert_allclose(run(plain, tagged_float32([10]), image), 11 * image, rtol=1e-5)


def test_binary_addition() -> None:
    image = picture(1, 2, 2)

    result = run([INPUT, "Split split 1 2 data a b", "BinaryOp add 2 1 a b out"], b"", image)

    np.testing.assert_allclose(result, 2 * image)


def test_interp_nearest_repeats_pixels() -> None:
    image = picture(2, 3, 4)

    result = run([INPUT, "Interp resize 1 1 data out 0=1 1=2.000000e+00 2=3.000000e+00"], b"", image)

    np.testing.assert_array_equal(result, image.repeat(2, axis=2).repeat(3, axis=3))


def test_interp_cubic_halves_with_keys_kernel() -> None:
    row = np.array([0, 0, 0, 1, 0, 0, 0, 0], dtype=np.float32)
    image = np.broadcast_to(row, (1, 1, 8, 8)).copy()

    result = run([INPUT, "Interp resize 1 1 data out 0=3 1=5.000000e-01 2=5.000000e-01"], b"", image)

    # Half-way between two pixels the kernel with a = -0.75 weighs its four neighbours so.
    near, far = 0.59375, -0.09375
    np.testing.assert_allclose(result, np.broadcast_to(np.array([0, near, far, 0], dtype=np.float32), (1, 1, 4, 4)), atol=1e-6)


def test_pixel_shuffle_moves_channels_into_space() -> None:
    image = picture(8, 2, 3)

    result = run([INPUT, "PixelShuffle shuffle 1 1 data out 0=2"], b"", image)

    # Channel c·4 + dy·2 + dx becomes the pixel (2y + dy, 2x + dx) of channel c.
    expected = image.reshape(1, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 4, 6)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("layers", "weights", "problem"),
    [
        (["Pooling pool 1 1 data out"], b"", "the type Pooling is not supported"),
        (["PixelShuffle shuffle 1 1 data out 0=2 5=1"], b"", r"parameters \[5\] are not supported"),
        (["Convolution conv 1 1 data out 0=1 1=3 6=8"], b"", "8 weights do not fit 4 → 1 channels"),
        (["Convolution conv 1 1 data out 0=1 1=1 4=-233 6=4"], b"", "automatic padding"),
        (["Convolution conv 1 1 data out 0=1 1=1 6=4 9=4"], tagged_float32([1, 1, 1, 1]), "activation type 4"),
        (["Interp resize 1 1 data out 0=2 1=2.0 2=2.0"], b"", "resize type 2"),
        (["PReLU prelu 1 1 data out 0=3"], b"", "3 slopes for 4 channels"),
        (["Concat join 1 1 data out 0=1"], b"", "axis 1"),
        (["Eltwise product 1 1 data out 0=0"], b"", "only a sum"),
        (["PixelShuffle shuffle 1 1 data out 0=3"], b"", "4 channels"),
        (["Split split 1 2 data a b"], b"", "one output is wanted"),
        (["PixelShuffle shuffle 1 1 other out 0=2"], b"", "used before it is made"),
        (["PixelShuffle shuffle 1 1 data out 0=2"], b"\0\0\0\0", "4 bytes are left over"),
        (["BinaryOp add 1 1 data out"], b"", "1 blobs where 2 are expected"),
        ([INPUT], b"", "more than one input"),
    ],
)
def test_what_the_converter_does_not_know_is_refused(layers: list[str], weights: bytes, problem: str) -> None:
    with pytest.raises(ConversionError, match=problem):
        convert(param(INPUT, *layers), weights, channels=4)
