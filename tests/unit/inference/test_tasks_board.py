"""How a worker that has joined says what others say in NATS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from darkroom.internal.system.v1 import part_pb2
from services.inference.bundles.managing import Bundles
from services.inference.worker.client import AttemptClient
from services.inference.worker.presence import TasksBoard
from services.platform.bundles import BundleState
from services.platform.errors import DarkroomError, ErrorReason

WORKER = part_pb2.Worker(name="gpu-box-1-0a1b2c", gpu=True)


class Client:
    """Keeps what it is to report."""

    def __init__(self) -> None:
        self.said: list[tuple[part_pb2.Worker, str, bool]] = []

    async def report_worker(self, worker: part_pb2.Worker, bundles_json: str = "", *, ended: bool = False) -> None:
        self.said.append((worker, bundles_json, ended))


class ModelServer:
    """Bundles, while it is there."""

    away = False

    async def all(self) -> Sequence[BundleState]:
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The model server is away.")
        return [BundleState(id="faces", name="", description="", estimated_size="", version="", tools=[], status="installed")]


async def test_it_has_the_tasks_service_say_it() -> None:
    client, server = Client(), ModelServer()
    board = TasksBoard(cast(AttemptClient, client), cast(Bundles, server))
    await board.tell(WORKER)
    server.away = True
    await board.tell(WORKER)
    await board.leave(WORKER.name)
    (first, bundles, _), *others = client.said
    assert (first, [one["id"] for one in json.loads(bundles)]) == (WORKER, ["faces"])
    assert others == [(WORKER, "", False), (part_pb2.Worker(name=WORKER.name), "", True)]


async def test_one_without_lanes_for_models_has_no_bundles() -> None:
    client = Client()
    await TasksBoard(cast(AttemptClient, client), None).tell(WORKER)
    assert client.said == [(WORKER, "", False)]
