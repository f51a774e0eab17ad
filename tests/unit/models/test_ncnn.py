from __future__ import annotations

import numpy as np
import pytest

from models.errors import ConversionError
from models.ncnn import Layer, WeightReader, parse_param
from tests.unit.models.ncnn_files import param, raw, tagged_float16, tagged_float32


def test_a_layer_is_read_with_its_blobs_and_parameters() -> None:
    layers = parse_param(param("Input in 0 1 data", "Eltwise add 2 1 a b c 0=1 -23301=2,2.000000e-01,1.000000e+00"))

    assert layers[1] == Layer("Eltwise", "add", ("a", "b"), ("c",), {0: 1, 1: (0.2, 1.0)})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "first line"),
        ("123\n1 1\nInput in 0 1 data\n", "first line"),
        ("7767517\nmany\n", "second line"),
        ("7767517\n2 1\nInput in 0 1 data\n", "2 layers are announced, 1 are there"),
        ("7767517\n1 1\nInput in zero 1 data\n", "cannot read the line"),
        ("7767517\n1 1\nConcat join 3 1 a b\n", "blob names are missing"),
        ("7767517\n1 1\nInput in 0 1 data 0\n", "cannot read the line"),
        ("7767517\n1 1\nEltwise add 0 1 data -23301=3,1.0\n", "cannot read the line"),
    ],
)
def test_a_malformed_param_file_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConversionError, match=problem):
        parse_param(text)


def test_blocks_of_weights_follow_each_other_at_multiples_of_four_bytes() -> None:
    reader = WeightReader(tagged_float16([1.5, -2, 0.25]) + raw([7, 8]) + tagged_float32([9]))

    np.testing.assert_array_equal(reader.tagged_values(3), [1.5, -2, 0.25])
    np.testing.assert_array_equal(reader.raw(2), [7, 8])
    np.testing.assert_array_equal(reader.tagged_values(1), [9])
    reader.finish()


def test_weights_that_end_early_or_late_are_refused() -> None:
    with pytest.raises(ConversionError, match="4 bytes are missing"):
        WeightReader(raw([1])).raw(2)
    reader = WeightReader(raw([1, 2]))
    reader.raw(1)
    with pytest.raises(ConversionError, match="4 bytes are left over"):
        reader.finish()


def test_an_unknown_storage_of_weights_is_refused() -> None:
    with pytest.raises(ConversionError, match="0x000D4B38"):
        WeightReader((0x000D4B38).to_bytes(4, "little") + b"\0" * 8).tagged_values(1)
