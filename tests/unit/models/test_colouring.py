"""Networks that give gray pictures colours, wrapped."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from models.building import build_network
from models.catalogue import Catalogue, Model
from models.contract import CHROMA_ONE, CHROMA_ZERO, COLORIZE_SIDE, Contract
from models.errors import ConversionError
from models.tiny import tiny_model
from models.tiny_retouching import AT_BLACK, SLOPE
from tests.unit.models.colouring_files import network
from tests.unit.models.ncnn_files import evaluate

SIDE = COLORIZE_SIDE


def model(max_batch_size: int = 4) -> Model:
    """An operator's entry."""
    source = {"archive": "a", "format": "onnx", "input": "input", "output": "output", "files": {"onnx": {"sha256": "0" * 64}}}
    entry = {
        "version": 1,
        "summary": "",
        "upstream": "",
        "licence": {"spdx": "Apache-2.0", "stated": ""},
        "sets": ["default"],
        "job": "colorize",
        "subtract": [0, 0, 0],
        "divide": [255, 255, 255],
        "serving": {"max_batch_size": max_batch_size, "preferred_batch_sizes": [1], "max_queue_delay_us": 0, "warmup": [SIDE, SIDE]},
        "sources": [source],
    }
    archives = {"a": {"kind": "file", "path": "a.onnx", "sha256": "0" * 64}}
    return Catalogue.model_validate({"archives": archives, "models": {"ddcolor": entry}}).models["ddcolor"]


def wrapped(content: bytes, entry: Model | None = None) -> onnx.ModelProto:
    entry = entry or model()
    return build_network(entry, entry.sources[0], {"onnx": content}, "fp32")


def chroma(codes: np.ndarray) -> np.ndarray:
    parts = codes.astype(int)
    return (parts[..., :2] * 256 + parts[..., 2:] - CHROMA_ZERO) / CHROMA_ONE


@pytest.mark.parametrize("batch", [1, 2])
def test_chroma_is_coded_and_cut_off_at_its_ends(batch: int) -> None:
    pictures = np.zeros((batch, SIDE, SIDE, 3), np.uint8)
    pictures[:, :, :100] = 51
    pictures[:, :, 100:200] = 255
    codes = evaluate(wrapped(network()), image=pictures)
    assert (codes.shape, codes.dtype) == ((batch, SIDE, SIDE, 4), np.uint8)
    told = chroma(codes)
    np.testing.assert_allclose(told[:, :, :100], np.broadcast_to([60, -20], (batch, SIDE, 100, 2)), atol=0.5 / CHROMA_ONE)
    np.testing.assert_allclose(told[0, 0, 150], [256 - 1 / CHROMA_ONE, -100], atol=0.5 / CHROMA_ONE)
    assert (told[:, :, 200:] == 0).all()


def test_a_network_for_one_picture_is_for_one() -> None:
    one = network(batch=1)
    picture = np.full((1, SIDE, SIDE, 3), 51, np.uint8)
    np.testing.assert_allclose(chroma(evaluate(wrapped(one, model(1)), image=picture))[0, 3, 3], [60, -20], atol=0.01)
    with pytest.raises(ConversionError, match="max_batch_size has to be 1"):
        wrapped(one, model(4))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (network(channels=3), "a\\* and b\\*"),
        (network(side=256), "256 x 256"),
        (b"no network", "not an ONNX model"),
    ],
    ids=["a picture", "another size", "nothing"],
)
def test_what_does_not_fit_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        wrapped(content)


def test_the_tiny_network_gives_straight_lines() -> None:
    picture = np.broadcast_to(np.array([0, 100, 255], np.uint8)[:, None, None], (3, 4, 3))[None]
    told = chroma(evaluate(tiny_model(Contract("colorize", 3, 4)), image=picture.copy()))
    for row, level in enumerate((0, 100, 255)):
        expected = [black + slope * level / 255 for black, slope in zip(AT_BLACK, SLOPE, strict=True)]
        np.testing.assert_allclose(told[0, row], np.broadcast_to(expected, (4, 2)), atol=0.5 / CHROMA_ONE)
