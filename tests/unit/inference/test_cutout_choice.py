"""Which network cuts out."""

from __future__ import annotations

from typing import cast

import pytest

from services.inference.matting.choice import choose
from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import Triton


class Server:
    """A model server that runs what it has on what it says."""

    def __init__(self, **devices: Device) -> None:
        self._devices = devices

    async def device(self, model: str) -> Device | None:
        return self._devices.get(model)


@pytest.mark.parametrize(
    ("server", "chosen"),
    [
        (Server(isnet=Device.PROCESSOR), "isnet"),
        (Server(isnet=Device.GPU), "isnet"),
        (Server(isnet=Device.PROCESSOR, birefnet=Device.PROCESSOR), "isnet"),
        (Server(isnet=Device.GPU, birefnet=Device.GPU), "birefnet"),
        (Server(), "isnet"),
    ],
)
async def test_the_finer_network_is_taken_where_it_runs_on_a_gpu(server: Server, chosen: str) -> None:
    assert await choose(cast("Triton", server)) == chosen
