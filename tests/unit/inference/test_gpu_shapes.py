"""What a GPU is given: only the shapes that it was warmed up with, whatever pictures come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as config_pb2

from models.backend.batching import plan_batches, plan_runs
from models.catalogue import load_catalogue
from models.triton_config import render_config
from services.inference.contract.models import ModelSettings
from services.inference.denoising.network import _through
from services.inference.model_server.exchange import Request
from services.inference.model_server.shapes import Picture, ServedModel, cut, pad
from services.inference.model_server.triton import INPUT, Patience, Triton
from services.inference.ocr import detection, reading
from services.inference.upscaling.choice import choose, compact, for_faces
from services.inference.upscaling.tiling import Grid
from services.inference.upscaling.upscaling import _batches, _stack

_RANDOM = random.Random(49)
_SIZES = [(_RANDOM.randint(16, 700), _RANDOM.randint(16, 700)) for _ in range(200)]
_SCALES = {"x2": 2, "x3": 3, "x4": 4, "x4plus": 4}


class Server:
    """Answers as a server with the default set on a GPU, with black, and records the shapes of what it is sent."""

    def __init__(self) -> None:
        self.configs = {
            name: text_format.Parse(render_config(name, model, "cuda"), config_pb2.ModelConfig())
            for name, model in load_catalogue().select("default").items()
        }
        self.requests: dict[str, set[tuple[int, ...]]] = {}
        self.triton = Triton(self, Patience(1, 1, 1))
        self.triton._exchange = self

    async def get_model_config(self, model: str, client_timeout: float) -> Any:
        return SimpleNamespace(config=self.configs[model])

    async def infer(self, request: Request, headers: Mapping[str, str] | None) -> Picture:
        shape = request.tensors[INPUT].shape
        self.requests.setdefault(request.model, set()).add(shape)
        scale = _SCALES.get(request.model.rpartition("_")[2], 1)
        channels = 1 if request.model == "ppocr_det" else 3
        return np.zeros((shape[0], shape[1] * scale, shape[2] * scale, channels), np.uint8)

    def run_shapes(self, model: str) -> set[tuple[int, ...]]:
        """The shapes that the network is given, for requests that come alone or together."""
        config = self.configs[model]
        sizes = [int(size) for size in config.parameters["batch_sizes"].string_value.split(",")]
        found = set()
        requests = sorted(self.requests[model])
        for together in (*([one] for one in requests), *([one, other] for one in requests for other in requests)):
            for batch in plan_batches(together, config.max_batch_size):
                rows = sum(together[index][0] for index in batch)
                found |= {(size, *together[batch[0]][1:]) for _, size in plan_runs(rows, sizes, sizes[-1])}
        return found

    def warm_shapes(self, model: str) -> set[tuple[int, ...]]:
        """Those of the model's warm-up."""
        return {(warmup.batch_size, *warmup.inputs["image"].dims) for warmup in self.configs[model].model_warmup}


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


async def test_tiles_of_pictures_of_any_size(server: Server) -> None:
    models = ModelSettings().models
    networks = [await compact(server.triton, models, factor) for factor in (2, 3, 4)]
    networks += [(await choose(server.triton, models, factor, 10**6)).told_of(3) for factor in (2, 4)]
    joint = await for_faces(server.triton, models, 2)
    assert joint is not None
    for number, (height, width) in enumerate(_SIZES):
        pixels = np.zeros((height, width, 3), np.uint8)
        # The last one enlarges each tile twice and mixes the results, which takes time.
        for network in (networks[number % len(networks)], *((joint,) if number < 20 else ())):
            model = network.model
            grid = Grid.over(height, width, tile=model.tile, margin=model.margin, fade=model.fade)
            for tiles in _batches(grid, model.batch):
                count, rows, columns, _ = (stacked := _stack(pixels, grid, tiles)).shape
                enlarged = await model.infer(stacked)
                assert enlarged.shape == (count, rows * model.scale, columns * model.scale, 3)
    assert len(server.requests) == 6
    for model in server.requests:
        assert server.run_shapes(model) <= server.warm_shapes(model), model


async def test_text_is_found_and_read_in_pictures_of_any_size(server: Server) -> None:
    for number, (height, width) in enumerate(_SIZES):
        prepared = detection.network_input(np.zeros((height, width, 3), np.uint8), (960, 1280, 1600)[number % 3])
        assert (await server.triton.infer("ppocr_det", prepared)).shape == (*prepared.shape[:3], 1)
        lines = [detection.Line(0, 0, width * _RANDOM.random() * 8 + 1, height / 8, 0) for _ in range(20)]
        for batch in reading.batches(lines):
            prepared = reading.network_input(
                [np.zeros((48, max(24, round(line.length / line.height * 48)), 3), np.uint8) for line in batch]
            )
            await server.triton.infer("ppocr_rec", prepared[:, :, :4096])
    for model in ("ppocr_det", "ppocr_rec"):
        assert server.run_shapes(model) <= server.warm_shapes(model), model


async def test_noise_is_removed_from_pictures_of_any_size(server: Server) -> None:
    loop = asyncio.get_running_loop()

    def network(tile: Picture) -> Picture:
        return asyncio.run_coroutine_threadsafe(server.triton.infer("srmd_x2", tile), loop).result()

    for height, width in _SIZES[:40]:
        given = np.zeros((height, width, 4), np.uint8)
        assert (await asyncio.to_thread(_through, given, network, lambda _: None)).shape == (height, width, 3)
    assert server.run_shapes("srmd_x2") <= server.warm_shapes("srmd_x2")


def test_a_picture_is_padded_to_the_smallest_size_that_holds_it() -> None:
    served = ServedModel.of(Server().configs["ppocr_det"])
    assert [served.size_for(*size) for size in ((960, 1280), (32, 32), (1000, 1280), (1600, 960), (1700, 64))] == [
        (960, 1280),
        (960, 1280),
        (1280, 1280),
        (1600, 1600),
        (1700, 64),
    ]
    picture = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1)
    padded = pad(picture, (5, 8))
    assert padded[0, 4, :, 0].tolist() == [0, 1, 2, 3, 2, 1, 0, 1]
    assert (cut(padded, (5, 8), (3, 4)) == picture).all()
    assert cut(np.zeros((1, 1, 2, 4), np.uint8), (48, 256), (48, 200)).shape == (1, 1, 2, 4)
