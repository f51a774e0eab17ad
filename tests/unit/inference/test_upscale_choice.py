"""Which network enlarges a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import numpy as np
import pytest

from services.inference.contract.models import Models
from services.inference.model_server.shapes import Device, Size
from services.inference.model_server.triton import PictureModel, Triton
from services.inference.upscaling.choice import Network, choose

MODELS = Models(
    cutout="",
    text="",
    upscale={2: "compact_2", 3: "compact_3", 4: "compact_4"},
    upscale_tile=256,
    upscale_batch=4,
    upscale_faithful={2: "faithful_2", 3: "faithful_4", 4: "faithful_4"},
    upscale_faithful_megapixels=0.5,
)
CPU = Device.PROCESSOR


class FakeServer:
    """A model server with these models, each on its device, whose names end with their scale."""

    def __init__(self, devices: Mapping[str, Device]) -> None:
        self._devices = devices
        self.given: list[np.ndarray] = []

    async def device(self, model: str) -> Device | None:
        return self._devices.get(model)

    async def sizes(self, model: str) -> Sequence[Size]:
        return [(128, 256)] if self._devices.get(model) is Device.GPU else []

    async def scale(self, model: str, channels: int = 3) -> int:
        assert channels == (4 if model.startswith("faithful") else 3)
        return int(model[-1])

    def model(self, name: str) -> PictureModel:
        return partial(self._infer, int(name[-1]))

    async def _infer(self, scale: int, tiles: np.ndarray) -> np.ndarray:
        self.given.append(tiles)
        return tiles[..., :3].repeat(scale, axis=1).repeat(scale, axis=2)


async def chosen(devices: Mapping[str, Device], factor: int, pixels: int) -> Network:
    return await choose(cast(Triton, FakeServer(devices)), MODELS, factor, pixels)


@pytest.mark.parametrize(
    ("device", "factor", "pixels", "name", "batch"),
    [
        (Device.GPU, 2, 90_000_000, "faithful_2", 4),
        (CPU, 2, 500_000, "faithful_2", 1),
        (CPU, 3, 500_000, "faithful_4", 1),
        (CPU, 2, 500_001, "compact_2", 4),
        (CPU, 4, 12_000_000, "compact_4", 4),
        (None, 2, 100, "compact_2", 4),
    ],
)
async def test_the_faithful_one_where_it_is_fast_enough(device: Device | None, factor: int, pixels: int, name: str, batch: int) -> None:
    devices = {f"compact_{each}": CPU for each in (2, 3, 4)}
    if device is not None:
        devices |= {"faithful_2": device, "faithful_4": device}
    network = await chosen(devices, factor, pixels)
    assert (network.name, network.model.batch, network.model.scale) == (name, batch, int(name[-1]))
    assert network.model.tile == (128 if device is Device.GPU else 256)
    assert network.needs_noise == name.startswith("faithful")
    assert network.model.learns


async def test_it_is_told_of_the_noise_in_a_fourth_channel() -> None:
    server = FakeServer({"faithful_2": CPU})
    network = await choose(cast(Triton, server), MODELS, 2, 100)
    tiles = np.random.default_rng(1).integers(0, 256, (2, 5, 6, 3), dtype=np.uint8)
    for deviation, quarters in ((0.0, 0), (7.6, 30), (200.0, 255)):
        enlarged = await network.told_of(deviation).model.infer(tiles)
        assert enlarged.shape == (2, 10, 12, 3)
        np.testing.assert_array_equal(server.given[-1][..., :3], tiles)
        assert np.unique(server.given[-1][..., 3]).tolist() == [quarters]


async def test_nothing_of_the_noise_is_kept_where_that_is_wanted() -> None:
    network = await chosen({"faithful_2": CPU}, 2, 100)
    assert network.told_of(9).model.learns
    whole = network.told_of(9, whole=True).model
    assert (whole.learns, whole.correction) == (False, 0)
