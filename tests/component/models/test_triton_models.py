"""The tiny models in the real Triton: what every client relies on, whatever the weights."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from deploy.local.scratch.triton import TritonClient, output_name, running, tensor
from tests.harness.models import copy_models

UPSCALERS = {
    "realesrgan_x4plus": 4,
    "realesr_animevideov3_x2": 2,
    "realesr_animevideov3_x3": 3,
    "realesr_animevideov3_x4": 4,
}
TOLD = {"srmd_x2": 1, "srmd_upscale_x2": 2, "srmd_upscale_x4": 4}
"""Networks that are given the noise, too, and how much they enlarge."""


@pytest.fixture
def server(triton_address: str) -> Iterator[TritonClient]:
    caller = TritonClient(triton_address)
    yield caller
    caller.client.close()


def test_every_model_is_ready_in_its_declared_version(server: TritonClient) -> None:
    index = server.client.get_model_repository_index().models

    assert {(model.name, model.version, model.state) for model in index} == {
        (name, "1", "READY")
        for name in [
            "face_detector",
            "face_mesh",
            "iris",
            "isnet",
            "mark_paint",
            "ppocr_det",
            "ppocr_rec",
            *TOLD,
            *UPSCALERS,
        ]
    }


def test_the_matte_has_the_size_of_the_picture(server: TritonClient) -> None:
    pictures = np.full((2, 1024, 1024, 3), 60, dtype=np.uint8)
    pictures[0, 200:500, 100:300] = 250
    pictures[1, 600:800, 700:900] = 250

    alpha = server.infer("isnet", pictures)

    assert alpha.shape == (2, 1024, 1024, 1)
    assert alpha.dtype == np.uint8
    np.testing.assert_array_equal(alpha[..., 0], np.where(pictures[..., 0] == 250, 255, 0))


@pytest.mark.parametrize(("model", "scale"), UPSCALERS.items())
def test_an_upscaler_takes_any_size(server: TritonClient, model: str, scale: int) -> None:
    for height, width in ((1, 1), (17, 40), (256, 192)):
        picture = np.full((1, height, width, 3), (10, 120, 250), dtype=np.uint8)

        enlarged = server.infer(model, picture)

        assert enlarged.shape == (1, scale * height, scale * width, 3)
        np.testing.assert_array_equal(enlarged, np.broadcast_to(picture[:, :1, :1], enlarged.shape))


@pytest.mark.parametrize(("model", "scale"), TOLD.items())
def test_a_network_that_is_told_the_noise_takes_any_size(server: TritonClient, model: str, scale: int) -> None:
    for height, width in ((1, 1), (17, 40)):
        told = np.full((1, height, width, 4), (10, 120, 250, 0), dtype=np.uint8)

        result = server.infer(model, told)

        np.testing.assert_array_equal(result, np.broadcast_to(told[:, :1, :1, :3], (1, scale * height, scale * width, 3)))


def test_requests_of_many_shapes_at_once_each_get_their_own_answer(server: TritonClient) -> None:
    model = "realesr_animevideov3_x2"
    answers: queue.SimpleQueue[tuple[int, object, object]] = queue.SimpleQueue()
    shapes = [(1 + index % 3, 16 + 8 * (index % 4), 24) for index in range(96)]
    for index, shape in enumerate(shapes):
        server.client.async_infer(
            model,
            [tensor(np.full((*shape, 3), index, dtype=np.uint8))],
            callback=lambda result, error, index=index: answers.put((index, result, error)),
        )

    for _ in shapes:
        index, result, error = answers.get(timeout=60)
        assert error is None
        rows, height, width = shapes[index]
        enlarged = result.as_numpy(output_name(model))  # type: ignore[attr-defined]
        np.testing.assert_array_equal(enlarged, np.full((rows, 2 * height, 2 * width, 3), index))


@pytest.mark.parametrize(
    ("model", "shape", "problem"),
    [
        ("isnet", (1, 512, 512, 3), r"Expected \[-1,1024,1024,3\], got \[1,512,512,3\]"),
        ("isnet", (5, 1024, 1024, 3), "batch-size must be <= 4"),
        ("realesrgan_x4plus", (1, 8, 8, 4), r"Expected \[-1,-1,-1,3\], got \[1,8,8,4\]"),
        ("unknown", (1, 8, 8, 3), "unknown model"),
    ],
)
def test_what_does_not_fit_is_refused(server: TritonClient, model: str, shape: tuple[int, ...], problem: str) -> None:
    with pytest.raises(InferenceServerException, match=problem):
        server.infer(model, np.zeros(shape, dtype=np.uint8))


@pytest.mark.thorough
def test_two_servers_run_side_by_side(server: TritonClient, tiny_models: Path, tmp_path: Path) -> None:
    picture = np.full((1, 8, 8, 3), 9, dtype=np.uint8)
    with running(copy_models(tiny_models, tmp_path / "models", "realesr_animevideov3_x2"), tmp_path / "triton.log") as second:
        assert second.infer("realesr_animevideov3_x2", picture).shape == (1, 16, 16, 3)

    assert server.infer("realesr_animevideov3_x2", picture).shape == (1, 16, 16, 3)


def test_text_is_found_where_the_picture_changes(server: TritonClient) -> None:
    picture = np.full((1, 64, 96, 3), 90, dtype=np.uint8)
    picture[0, 20:30, 40:44] = 250

    text = server.infer("ppocr_det", picture)

    assert text.shape == (1, 64, 96, 1)
    assert (text[0, 25, 42, 0], text[0, 60, 5, 0]) == (255, 0)


def test_paint_is_found_where_the_picture_is_lighter(server: TritonClient) -> None:
    picture = np.full((1, 64, 96, 4), (90, 90, 90, 128), dtype=np.uint8)
    picture[0, 20:30, 40:44, :3] = (250, 250, 200)

    paint = server.infer("mark_paint", picture)

    assert paint.shape == (1, 64, 96, 5)
    assert paint[0, 25, 42].tolist() == [255, 128, 128, 128, 128]
    assert paint[0, 60, 5].tolist() == [0] * 5


def test_lines_of_text_are_read_together(server: TritonClient) -> None:
    lines = np.full((3, 48, 64, 3), 255, dtype=np.uint8)
    lines[1, :, 16:24] = 0
    lines[2, :24, 32:40] = 0

    read = server.infer("ppocr_rec", lines)

    assert read.shape == (3, 1, 8, 4)
    assert [[chr(code) if code else " " for code in row] for row in read[:, 0, :, 2]] == [[" "] * 8, [*"  z     "], [*"    m   "]]
