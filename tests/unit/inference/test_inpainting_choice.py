"""Which network fills masks, and asking it from a thread."""

from __future__ import annotations

import asyncio
from typing import cast

import numpy as np
import pytest

from services.inference.model_server.choice import Choice
from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import PictureModel, Triton
from services.inference.model_server.waiting import result_of
from services.inference.watermark.choice import choose, finder
from services.inference.watermark.strokes import Pixels8


class Server:
    """A model server that runs what it has on what it says."""

    def __init__(self, **devices: Device) -> None:
        self._devices = devices
        self.asked = 0

    async def has(self, model: str) -> bool:
        self.asked += 1
        return model in self._devices

    async def device(self, model: str) -> Device | None:
        return self._devices.get(model)

    def model(self, name: str) -> PictureModel:
        async def infer(picture: Pixels8) -> Pixels8:
            return picture[..., :3] + np.uint8(len(name))

        return infer


@pytest.mark.parametrize(
    ("server", "wanted", "chosen"),
    [
        (Server(isnet=Device.GPU), "", None),
        (Server(migan=Device.PROCESSOR), "", Choice("migan", Device.PROCESSOR)),
        (Server(migan=Device.GPU, lama=Device.GPU), "", Choice("lama", Device.GPU)),
        (Server(migan=Device.GPU, lama=Device.GPU), "migan", Choice("migan", Device.GPU)),
        (Server(), "mine", Choice("mine", Device.PROCESSOR)),
    ],
)
async def test_the_best_installed_network_is_taken_unless_one_is_named(server: Server, wanted: str, chosen: Choice | None) -> None:
    assert await choose(cast("Triton", server), wanted) == chosen


async def test_a_thread_finds_the_network_once_and_asks_it() -> None:
    server, told = Server(lama=Device.GPU), list[Choice]()
    find = finder(cast("Triton", server), "", lambda: None, told.append)

    def work() -> Pixels8:
        network = find()
        assert network is not None
        assert find() is network
        return network(np.zeros((1, 2, 2, 4), np.uint8))

    np.testing.assert_array_equal(await asyncio.to_thread(work), np.full((1, 2, 2, 3), 4))
    assert (server.asked, told) == (1, [Choice("lama", Device.GPU)])


async def test_a_thread_that_is_to_stop_takes_its_question_back() -> None:
    class Stopped(Exception):
        pass

    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def question() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def check() -> None:
        if begun.is_set():
            raise Stopped

    with pytest.raises(Stopped):
        await asyncio.to_thread(result_of, question(), asyncio.get_running_loop(), check)
    async with asyncio.timeout(30):
        await cancelled.wait()


async def test_a_thread_gets_the_error_of_what_it_asked() -> None:
    async def question() -> None:
        raise TimeoutError("the answer")

    with pytest.raises(TimeoutError, match="the answer"):
        await asyncio.to_thread(result_of, question(), asyncio.get_running_loop(), lambda: None)
