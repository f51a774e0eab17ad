"""A real Triton whose model has memory for small tiles only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import operation_pb2
from deploy.local.scratch.triton import TritonServer, running
from services.inference.media import Image
from tests.component.inference.conftest import World
from tests.component.inference.doubles import Task
from tests.component.inference.pictures import disc, opened, png
from tests.harness.models import copy_models

MODEL = "realesr_animevideov3_x2"
FITS = 130
"""Side of the largest tile that the model has memory for."""

UPSCALE = operation_pb2.Operation(upscale={"factor": 2})
# The backend's own model, with the errors that it passes on from CUDA and onnxruntime when a picture is too large.
_SMALL_MEMORY = f"""
import itertools
from whole import TritonPythonModel as Whole

TEXTS = itertools.cycle([
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);",
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. bfc_arena.cc:376 "
    "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 905969664",
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1.19 GiB is free.",
])

class TritonPythonModel(Whole):
    def initialize(self, args):
        super().initialize(args)
        run = self._network.run

        def limited(pictures, abandoned):
            if pictures.shape[1] * pictures.shape[2] > {FITS * FITS}:
                raise RuntimeError(next(TEXTS))
            return run(pictures, abandoned)

        self._network.run = limited
"""


@pytest.fixture(scope="module")
def triton(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("small_memory")
    version = copy_models(tiny_models, folder / "models", MODEL) / MODEL / "1"
    (version / "model.py").rename(version / "whole.py")
    (version / "model.py").write_text(_SMALL_MEMORY)
    with running(folder / "models", folder / "triton.log") as server:
        yield server


@pytest.fixture
def small_world(world: World, triton: TritonServer) -> World:
    """Surroundings with the Triton of small memory."""
    world.use({"triton_address": triton.address})
    return world


async def upscaled(world: World, pixels: np.ndarray, tile: int) -> Task:
    source = await world.files.add("disc.png", "image/png", png(pixels))
    async with world.worker(upscale_tile=tile, upscale_faithful_megapixels=0):
        task = await world.submit([UPSCALE], source)
        await world.finished(task)
    return task


async def result(world: World, task: Task) -> Image:
    assert task.completed is not None, task.failed
    assert len(task.starts) == 1
    return opened(await world.files.content(task.completed.output_file_ids[0]))


async def test_tiles_are_halved_within_the_attempt_until_they_fit(small_world: World) -> None:
    pixels = disc(500)
    small = await result(small_world, await upscaled(small_world, pixels, 96))
    halved = await result(small_world, await upscaled(small_world, pixels, 256))
    assert (halved.width, halved.height) == (small.width, small.height) == (1000, 1000)
    assert np.abs(halved.pixels.astype(int) - small.pixels.astype(int)).max() <= 1


async def test_a_picture_for_which_nothing_can_be_halved_fails_clearly(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.inference.upscaling.fitting.TileModel.smallest_tile", property(lambda _: 200))
    task = await upscaled(small_world, disc(500), 256)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_UNAVAILABLE"
    assert task.failed.message.startswith("Not enough memory even for tiles of ")
