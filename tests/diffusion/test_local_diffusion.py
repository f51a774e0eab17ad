"""The local model: a generated Z-Image pipeline in the real Triton, asked as workers ask it.

It needs PyTorch, which the normal set-up does not install: `make test-diffusion` says where it is.
"""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deploy.local.layout import REPOSITORY
from deploy.local.scratch.triton import TritonServer, running
from models.__main__ import main
from services.inference.contract.provider import GenerationRequest, Reference
from services.inference.generation.local_diffusion import LocalDiffusion, Schedule
from services.inference.model_server import triton
from services.platform.errors import DarkroomError, ErrorReason
from tests.provider_server import png

VENV = Path(os.environ.get("DARKROOM_DIFFUSION_VENV", ".venv-diffusion"))
pytestmark = pytest.mark.skipif(
    "DARKROOM_DIFFUSION_VENV" not in os.environ, reason="needs PyTorch: run `make diffusion` once, then `make test-diffusion`"
)
NAME = "z_image_turbo"
CUP = GenerationRequest("A red cup on a table, 紅茶", aspect_ratio="3:2", resolution="0.5K")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("diffusion")
    weights = folder / "weights"
    subprocess.run([VENV / "bin" / "python", "-m", "models.diffusion.tiny", str(weights)], cwd=REPOSITORY, check=True)
    repository = folder / "repository"
    options = ["--weights", str(weights), "--dest", str(repository), "--venv", str(VENV), "--device", "cpu"]
    assert main(["install-pipeline", NAME, *options]) == 0
    with running(repository, folder / "log") as started:
        yield started


@pytest.fixture
async def client(server: TritonServer) -> AsyncIterator[triton.Triton]:
    async with triton.connect(server.address, triton.Patience(5, 60, 60)) as connected:
        yield connected


def model(client: triton.Triton, *, steps: int = 2, guidance: float = 0.0, seconds: float = 120) -> LocalDiffusion:
    return LocalDiffusion(client, NAME, Schedule(steps, guidance, 0.6), seconds, 1)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


async def test_it_is_ready_once_triton_has_it(client: triton.Triton) -> None:
    assert await model(client).ready()
    assert not await LocalDiffusion(client, "missing", Schedule(1, 0, 0.5), 5, 1).ready()


async def test_pictures_have_the_size_asked_for_and_differ(client: triton.Triton) -> None:
    [first] = await model(client).make(CUP, [], 1)
    [second] = await model(client).make(CUP, [], 1)
    assert pixels(first).shape == (416, 624, 3)
    assert pixels(first).std() > 0
    assert not np.array_equal(pixels(first), pixels(second))


async def test_a_reference_is_drawn_over_in_the_size_asked_for(client: triton.Triton) -> None:
    reference = Reference(png(300, 100), "image/png", 300, 100)
    [made] = await model(client).make(CUP, [reference], 1)
    assert pixels(made).shape == (416, 624, 3)


async def test_with_guidance_a_negative_prompt_counts(client: triton.Triton) -> None:
    request = GenerationRequest("A cup", negative_prompt="handles", aspect_ratio="1:1", resolution="0.5K")
    assert model(client, guidance=3.0).not_applied(request, []) == ()
    [made] = await model(client, guidance=3.0).make(request, [], 1)
    assert pixels(made).shape == (512, 512, 3)


async def test_what_is_given_up_ends_and_leaves_the_model_free(client: triton.Triton) -> None:
    endless = asyncio.create_task(model(client, steps=100_000).make(CUP, [], 1))
    await asyncio.sleep(0.5)
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
    assert await model(client).make(CUP, [], 1)


async def test_one_that_takes_too_long_may_be_tried_again(client: triton.Triton) -> None:
    with pytest.raises(DarkroomError) as raised:
        await model(client, steps=100_000, seconds=0.5).make(CUP, [], 1)
    assert raised.value.reason is ErrorReason.UNAVAILABLE
    assert await model(client).make(CUP, [], 1)
