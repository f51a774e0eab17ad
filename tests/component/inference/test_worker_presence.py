"""What a worker tells about itself while it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from darkroom.internal.system.v1 import part_pb2
from services.inference.worker import presence
from services.platform.bus import OFFERS_STREAM
from services.platform.version import version
from services.platform.worker_board import WorkerBoard
from tests.component.inference.conftest import World


async def told(world: World, as_wanted: Callable[[part_pb2.Worker], bool]) -> part_pb2.Worker:
    """What the one worker says as soon as it is as it should be."""
    board = WorkerBoard(world.bus)
    async with asyncio.timeout(60):
        while True:
            for worker in await board.read():
                if as_wanted(worker):
                    return worker
            await asyncio.sleep(0.02)


async def test_a_worker_without_models(world: World) -> None:
    await world.bus.jetstream.purge_stream(OFFERS_STREAM)
    async with world.worker(lanes="system=3,picture=2"):
        worker = await told(world, lambda worker: not any(need.problem for need in worker.process.needs))
        assert dict(worker.slots) == {"system": 3, "picture": 2}
        assert {need.name for need in worker.process.needs} == {"nats", "tasks", "files"}
        assert (worker.process.version, worker.process.stopping, worker.gpu, list(worker.models)) == (version(), False, False, [])
    assert await WorkerBoard(world.bus).read() == []


async def test_a_machine_that_comes_back_says_so_and_what_it_is_configured_for(world: World) -> None:
    await world.bus.jetstream.purge_stream(OFFERS_STREAM)
    settings = {"lanes": "system=2,neural=1,nano_banana_2=1", "standby_lanes": "neural", "gemini_api_key": "any", "nano_banana_2": "gemini"}
    async with world.worker(**settings, worker_name="gpu-box", away_days=7):
        worker = await told(world, lambda worker: bool(worker.operations))
        assert worker.name.startswith("gpu-box-")
        assert (worker.machine, worker.away_days, list(worker.standby_lanes)) == ("gpu-box", 7, ["neural"])
        assert list(worker.configured_operations) == ["nano_banana_2"]


async def test_models_and_whether_they_can_be_used(neural_world: World) -> None:
    await neural_world.bus.jetstream.purge_stream(OFFERS_STREAM)
    async with neural_world.worker(lanes="neural=1"):
        worker = await told(neural_world, lambda worker: bool(worker.models))
        assert any(model.ready for model in worker.models)
        assert [model.name for model in worker.models] == sorted(model.name for model in worker.models)


async def test_a_model_server_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.inference.__main__.REPEAT_SECONDS", 0.1)
    await world.bus.jetstream.purge_stream(OFFERS_STREAM)
    async with world.worker(lanes="neural=1,nano_banana_2=1", gemini_api_key="any", nano_banana_2="gemini"):
        worker = await told(world, lambda worker: bool(worker.operations))
        assert list(worker.operations) == ["nano_banana_2"]
        problems = {need.name: need.problem for need in worker.process.needs}
        assert problems["triton"]
        assert "127.0.0.1" not in problems["triton"]
        assert not worker.models


async def test_a_worker_that_stops_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    left = asyncio.Event()

    async def stay(self: presence.Presence) -> None:
        left.set()

    monkeypatch.setattr(presence.Presence, "leave", stay)
    await world.bus.jetstream.purge_stream(OFFERS_STREAM)
    async with world.worker(lanes="system=1") as stop:
        await told(world, lambda worker: not worker.process.stopping)
        stop.set()
        await told(world, lambda worker: worker.process.stopping)
    assert left.is_set()
