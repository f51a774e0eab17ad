"""Networks that restore faces, wrapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from models.catalogue import Model, load_catalogue
from models.contract import FACE_SIDE, Contract
from models.errors import CatalogueError, ConversionError
from models.restoring import wrap_restoring
from models.tiny import tiny_model
from models.tiny_retouching import GAIN, tiny_face_network
from models.triton_config import render_config
from tests.unit.models.ncnn_files import evaluate

CATALOGUE = """
[archives.mine]
kind = "file"
path = "mine.onnx"
sha256 = "{0}"

[models.mine]
version = 1
summary = "Faces"
upstream = "https://example.org/mine"
licence = {{ spdx = "Apache-2.0", stated = "LICENSE" }}
sets = ["default"]
job = "restore_face"
subtract = [127.5, 127.5, 127.5]
divide = [127.5, 127.5, 127.5]
serving = {{ max_batch_size = {batch}, preferred_batch_sizes = [1], max_queue_delay_us = 0, warmup = [512, 512] }}

[[models.mine.sources]]
archive = "mine"
format = "{format}"
{more}
files.{file}.sha256 = "{0}"
"""


def entry(folder: Path, *, batch: int = 1, more: str = "", format_: str = "onnx", file: str = "onnx") -> Model:
    path = folder / "mine.toml"
    path.write_text(CATALOGUE.format("0" * 64, batch=batch, more=more, format=format_, file=file), encoding="utf-8")
    return load_catalogue(path).models["mine"]


def wrapped(model: Model, core: onnx.ModelProto) -> onnx.ModelProto:
    return wrap_restoring(core, model, model.sources[0])


def face(fidelity: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(5).integers(60, 200, (1, FACE_SIDE, FACE_SIDE, 4), dtype=np.uint8)
    pixels[..., 3] = fidelity
    return pixels


def sharpened(pixels: np.ndarray, gain: float) -> np.ndarray:
    """What the tiny network makes of it."""
    colour = pixels[0, ..., :3].astype(np.float64)
    return np.asarray((colour + gain * (colour - colour.mean(axis=(0, 1)))).clip(0, 255))


def test_a_network_without_fidelity_ignores_the_fourth_channel(tmp_path: Path) -> None:
    network = wrapped(entry(tmp_path), tiny_face_network())
    result = evaluate(network, image=face(0))
    assert (result.dtype, result.shape) == (np.uint8, (1, FACE_SIDE, FACE_SIDE, 3))
    assert np.abs(result[0] - sharpened(face(), GAIN)).max() <= 0.51
    np.testing.assert_array_equal(evaluate(network, image=face(255)), result)


@pytest.mark.parametrize("kind", [TensorProto.DOUBLE, TensorProto.FLOAT], ids=["float64", "float32"])
def test_fidelity_reaches_the_network_that_has_it(tmp_path: Path, kind: int) -> None:
    network = wrapped(entry(tmp_path, more='fidelity = "w"'), tiny_face_network(fidelity=True, kind=kind))
    for level in (0, 51, 255):
        result = evaluate(network, image=face(level))[0]
        assert np.abs(result - sharpened(face(), GAIN * (1 - level / 255))).max() <= 0.51
    np.testing.assert_array_equal(evaluate(network, image=face(255)), face()[..., :3])


def test_a_scalar_is_given_as_one(tmp_path: Path) -> None:
    core = tiny_face_network(fidelity=True)
    del core.graph.input[1].type.tensor_type.shape.dim[:]
    assert evaluate(wrapped(entry(tmp_path, more='fidelity = "w"'), core), image=face(255)).shape == (1, FACE_SIDE, FACE_SIDE, 3)


def _of_256() -> onnx.ModelProto:
    core = tiny_face_network()
    for axis in (2, 3):
        core.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 256
    return core


@pytest.mark.parametrize(
    ("core", "more", "batch", "says"),
    [
        (tiny_face_network(fidelity=True), "", 1, r"inputs are \['input', 'w'\], and \['input'\] are wanted: `fidelity` names"),
        (tiny_face_network(), 'fidelity = "w"', 1, r"inputs are \['input'\], and \['input', 'w'\] are wanted"),
        (tiny_face_network(), "", 4, "one picture at a time: max_batch_size has to be 1"),
        (tiny_face_network(fidelity=True, kind=TensorProto.INT64), 'fidelity = "w"', 1, "one floating-point number is wanted"),
        (tiny_face_network(), 'output = "face"', 1, "no output 'face'"),
        (_of_256(), "", 1, r"is \[3, 256, 256\] .* given \[3, 512, 512\]: export it for that size"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(tmp_path: Path, core: onnx.ModelProto, more: str, batch: int, says: str) -> None:
    model = entry(tmp_path, more=more, batch=batch)
    copy = onnx.ModelProto()
    copy.CopyFrom(core)
    with pytest.raises(ConversionError, match=says):
        wrapped(model, copy)


def test_only_onnx_is_taken(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="'restore_face' has to be ONNX"):
        entry(tmp_path, format_="ncnn", file="bin", more=f'files.param.sha256 = "{"0" * 64}"')


def test_fidelity_is_for_faces_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = CATALOGUE.format("0" * 64, batch=1, more='fidelity = "w"', format="onnx", file="onnx")
    path.write_text(text.replace('"restore_face"', '"matte"').replace("127.5", "127.0"), encoding="utf-8")
    with pytest.raises(CatalogueError, match="`fidelity` is for the job 'restore_face'"):
        load_catalogue(path)


def test_triton_is_told_of_four_channels(tmp_path: Path) -> None:
    config = render_config("mine", entry(tmp_path), "cuda-tensorrt")
    assert '"FP32"' in config
    assert "TYPE_UINT8" in config


def test_the_tiny_model_does_the_same() -> None:
    result = evaluate(tiny_model(Contract("restore_face", FACE_SIDE, FACE_SIDE)), image=face(9))
    assert np.abs(result[0] - sharpened(face(), GAIN)).max() <= 0.51
