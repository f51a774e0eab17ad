"""The trained networks in the real Triton: installed, converted and wrapped, do they still do what they were trained for?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from deploy.local.scratch.triton import TritonServer, running
from tests.component.models.scenes import ball
from tests.harness.models import copy_models

SCALES = {
    "realesr_animevideov3_x2": 2,
    "realesr_animevideov3_x3": 3,
    "realesr_animevideov3_x4": 4,
    "realesrgan_x4plus": 4,
    "srmd_upscale_x2": 2,
    "srmd_upscale_x4": 4,
}


# What serves them all is started once.
pytestmark = pytest.mark.xdist_group("triton_weights")


@pytest.fixture(scope="module")
def server(real_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    with running(real_models, tmp_path_factory.mktemp("weights") / "triton.log") as server:
        yield server


@pytest.fixture(scope="module")
def reader(real_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """With the networks that read, for the tests of each run."""
    folder = tmp_path_factory.mktemp("reader")
    with running(copy_models(real_models, folder / "models", "ppocr_det", "ppocr_rec"), folder / "triton.log") as server:
        yield server


@pytest.mark.thorough
def test_isnet_finds_the_subject(server: TritonServer) -> None:
    picture, inside = ball(1024)

    alpha = server.infer("isnet", picture[None])[0, ..., 0]

    found = alpha > 127
    assert (found & inside).sum() / (found | inside).sum() > 0.99
    assert alpha[inside].mean() > 250
    assert alpha[~inside].mean() < 3


@pytest.mark.thorough
def test_isnet_gives_each_picture_of_a_batch_what_it_gives_it_alone(server: TritonServer) -> None:
    picture, inside = ball(1024)
    mirrored = picture[::-1]

    together = server.infer("isnet", np.stack([picture, mirrored]))

    np.testing.assert_array_equal(together[:1], server.infer("isnet", picture[None]))
    found = together[1, ..., 0] > 127
    assert (found & inside[::-1]).sum() / (found | inside[::-1]).sum() > 0.97


@pytest.mark.thorough
def test_noise_is_removed_as_far_as_is_said(server: TritonServer) -> None:
    picture, _ = ball(96)
    noise = np.random.default_rng(3).normal(0, 20, picture.shape)
    noisy = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)

    def error(quarters: int) -> float:
        told = np.dstack([noisy, np.full((96, 96), quarters, np.uint8)])
        result = server.infer("srmd_x2", told[None])[0]
        assert result.shape == picture.shape
        return float(np.sqrt(np.mean((result[16:-16, 16:-16].astype(float) - picture[16:-16, 16:-16]) ** 2)))

    assert error(4 * 20) < 8
    assert error(0) > 15


@pytest.mark.thorough
@pytest.mark.parametrize(("model", "scale"), SCALES.items())
def test_an_upscaler_keeps_the_picture_and_sharpens_its_edges(server: TritonServer, model: str, scale: int) -> None:
    picture, _ = ball(96)
    # Left of the middle: stripes, the outline and the wall.
    tile = np.ascontiguousarray(picture[24:72, 16:64])

    told = np.dstack([tile, np.zeros((48, 48), np.uint8)]) if model.startswith("srmd") else tile
    enlarged = server.infer(model, told[None])[0].astype(np.float64)

    assert enlarged.shape == (48 * scale, 48 * scale, 3)
    reduced = enlarged.reshape(48, scale, 48, scale, 3).mean(axis=(1, 3))
    assert np.abs(reduced - tile).mean() < 8
    # Interpolation spreads a step between two pixels over `scale` pixels; a network that works keeps it steep.
    interpolated = np.abs(np.diff(tile.astype(np.float64), axis=1)).max() / scale
    assert np.abs(np.diff(enlarged, axis=1)).max() > 1.5 * interpolated


def test_text_is_found_where_it_stands(reader: TritonServer) -> None:
    picture = np.full((320, 320, 3), (150, 170, 190), dtype=np.uint8)
    drawn = Image.fromarray(picture)
    ImageDraw.Draw(drawn).text((60, 120), "Quarterly report", fill=(255, 255, 255), font=ImageFont.load_default(26))

    text = reader.infer("ppocr_det", np.asarray(drawn)[None])[0, ..., 0]

    assert text[132:140, 80:220].mean() > 127
    assert max(text[:100].max(), text[180:].max()) < 76
    assert reader.infer("ppocr_det", picture[None]).max() < 76


def test_a_line_of_text_is_read(reader: TritonServer) -> None:
    line = Image.new("RGB", (384, 48), "white")
    ImageDraw.Draw(line).text((6, 4), "Total: 1,234 for Zoe", fill="black", font=ImageFont.load_default(36))

    read = reader.infer("ppocr_rec", np.asarray(line)[None])

    codes = read[0, 0, :, :3].astype(np.int32) @ np.array((1 << 16, 1 << 8, 1))
    text = "".join(chr(code) for code, _ in itertools.groupby(codes) if code)
    assert text == "Total: 1,234 for Zoe"
    assert read[0, 0, codes > 0, 3].mean() > 230
