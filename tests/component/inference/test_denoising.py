"""Noise, removed with and without a network that a real Triton serves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darkroom.operations.v1 import operation_pb2
from deploy.local.scratch.triton import TritonServer, running
from models.building import build_tiny_files
from models.catalogue import load_catalogue
from tests.component.inference.conftest import World
from tests.component.inference.doubles import Task
from tests.component.inference.pictures import opened, png

FILTER = "block matching (BM3D)"


def noisy() -> np.ndarray:
    slope = np.linspace(60, 190, 200)[None, :, None] + np.linspace(-20, 20, 140)[:, None, None]
    noise = np.random.default_rng(5).normal(0, 20, (140, 200, 3))
    return np.clip(np.rint(slope + noise), 0, 255).astype(np.uint8)


async def denoised(world: World, tier: str, pixels: np.ndarray | None = None, **settings: object) -> Task:
    source = await world.files.add("noisy.png", "image/png", png(noisy() if pixels is None else pixels))
    async with world.worker(**settings):
        task = await world.submit([operation_pb2.Operation(remove_noise={"tier": f"NOISE_TIER_{tier}"})], source)
        await world.finished(task)
    return task


async def result(world: World, task: Task) -> tuple[np.ndarray, list[str], str]:
    """Pixels, codes of the notices, and what removed the noise."""
    assert task.completed is not None, task.failed
    pixels = opened(await world.files.content(task.completed.output_file_ids[0])).pixels
    notices = list(task.completed.notices)
    (found,) = (notice for notice in notices if notice.code == "noise_found")
    return pixels, [notice.code for notice in notices], json.loads(found.details_json)["method"]


@pytest.mark.thorough
@pytest.mark.parametrize("tier", ["QUALITY", "MAXIMUM"])
async def test_the_installed_network_removes_noise_in_the_higher_tiers(neural_world: World, tier: str) -> None:
    pixels, codes, method = await result(neural_world, await denoised(neural_world, tier))
    assert codes == ["noise_found", "model_used"]
    assert method == f"srmd_x2, with {FILTER}"
    # The tiny network takes means of 3 x 3 pixels, at this strength of noise without the filter's part.
    padded = np.pad(noisy().astype(float), ((1, 1), (1, 1), (0, 0)))
    means = sum(padded[row : row + 140, column : column + 200] for row in range(3) for column in range(3)) / 9
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(pixels[inner] - means[inner]).max() <= 1


async def test_a_tier_that_would_take_longer_than_is_allowed_is_lowered(neural_world: World) -> None:
    # 0.028 megapixels at 12.5 seconds each, or 5.4.
    task = await denoised(neural_world, "MAXIMUM", operation_seconds=0.2)
    _, codes, method = await result(neural_world, task)
    assert (codes[0], method) == ("not_applied", f"srmd_x2, with {FILTER}")
    assert task.completed is not None
    (lowered, *_) = task.completed.notices
    assert (lowered.subject, json.loads(lowered.details_json)) == ("tier", {"why": "too_slow", "tier": "quality"})


@pytest.mark.thorough
async def test_a_picture_that_would_take_too_long_on_a_processor_is_filtered(neural_world: World) -> None:
    # 0.028 megapixels: too much four times, and even once.
    for limit, expected in ((0.1, f"srmd_x2, with {FILTER}"), (0.02, FILTER)):
        for tier in ("QUALITY", "MAXIMUM"):
            _, _, method = await result(neural_world, await denoised(neural_world, tier, denoise_megapixels=limit))
            assert method == expected


async def test_the_lower_tiers_and_gray_pictures_need_no_model_server(world: World) -> None:
    for tier, pixels, name in (
        ("QUICK", noisy(), "block DCT"),
        ("BALANCED", noisy(), "block DCT and Wiener filter"),
        ("MAXIMUM", noisy()[..., :1], FILTER),
    ):
        _, codes, method = await result(world, await denoised(world, tier, np.ascontiguousarray(pixels)))
        assert (codes, method) == (["noise_found"], name)


@pytest.mark.thorough
async def test_where_no_network_is_installed_filters_do_it_and_another_one_can_be_named(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("denoising")
    for path, content in build_tiny_files("my_own", load_catalogue().models["srmd_x2"], "cpu", threads=1, instances=1).items():
        file = folder / "models" / "my_own" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    server: TritonServer
    with running(folder / "models", folder / "triton.log") as server:
        world.use({"triton_address": server.address, "triton_patience_seconds": 60})
        _, codes, method = await result(world, await denoised(world, "QUALITY"))
        assert (codes, method) == (["noise_found"], FILTER)
        _, codes, method = await result(world, await denoised(world, "QUALITY", model_denoise="my_own"))
        assert (codes, method) == (["noise_found", "model_used"], f"my_own, with {FILTER}")


async def test_a_model_server_that_is_away_is_waited_for_and_reported(world: World) -> None:
    task = await denoised(world, "QUALITY")
    assert task.failed is not None
    assert "model server" in task.failed.message
