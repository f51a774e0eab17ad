"""A worker's surroundings: real NATS, Triton and object storage, and the two boundaries of doubles.py."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from darkroom.operations.v1 import operation_pb2
from services.inference.__main__ import serve
from services.inference.config import InferenceSettings
from services.pictures.operations import spec_of
from services.platform import bus
from services.platform.bus import Bus
from services.platform.rpc.server import Mount, listening
from tests.component.inference.doubles import FilesDouble, Task, TasksDouble
from tests.component.inference.storage import bucket
from tests.harness.sandboxes import SharedSandboxes
from tests.stacks import ObjectStorage
from tests.unit.platform.keys import Keys


class World:
    """What is around a worker."""

    def __init__(self, folder: Path, bus: Bus, tasks: TasksDouble, files: FilesDouble, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.bus = bus
        self.tasks = tasks
        self.files = files
        self._settings = settings
        self._ids = itertools.count(1)

    def use(self, settings: dict[str, Any]) -> None:
        """Change what workers are started with from now on."""
        self._settings |= settings

    def settings(self, **changed: Any) -> InferenceSettings:
        """Settings of a worker for this world."""
        return InferenceSettings(**(self._settings | changed))

    @asynccontextmanager
    async def worker(self, **changed: Any) -> AsyncIterator[asyncio.Event]:
        """A worker in this process; the event stops it."""
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(self.settings(**changed), stop))
        try:
            yield stop
        finally:
            stop.set()
            await serving

    async def submit(self, operations: Sequence[operation_pb2.Operation], *inputs: int, **others: Any) -> Task:
        """A task that waits on the lane of its first operation."""
        task_id = next(self._ids)
        task = Task(task_id, operations, inputs, **others)
        self.tasks.tasks[task_id] = task
        self.tasks.queue(spec_of(operations[0]).lane, task)
        return task

    async def finished(self, task: Task) -> None:
        """Wait until a task's attempt was reported."""
        await self.tasks.until(lambda: task.reported)


@pytest.fixture
async def world(
    tmp_path: Path, nats_url: str, object_storage: ObjectStorage, sandboxes: SharedSandboxes, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Surroundings with no model server."""
    monkeypatch.setattr("services.inference.__main__.Sandbox", sandboxes)
    keys = Keys(tmp_path)
    for issuer in ("tasks", "files", "inference"):
        keys.signer(issuer)
    verifier = keys.verifier()
    settings = {
        "internal_listen": f"unix:{tmp_path}/worker",
        "nats_url": nats_url,
        "signing_key_file": tmp_path / "inference.pem",
        "trusted_keys_file": tmp_path / "trusted.json",
        "tasks_address": f"unix:{tmp_path}/tasks",
        "files_address": f"unix:{tmp_path}/files",
        "triton_address": "127.0.0.1:9",
        "work_dir": tmp_path / "work",
        "triton_patience_seconds": 1,
        "storage_patience_seconds": 1,
    }
    async with AsyncExitStack() as parts:
        files = FilesDouble(await parts.enter_async_context(bucket(object_storage)))
        tasks = TasksDouble()
        for name, mount in {
            "tasks": Mount(tasks),
            "files": Mount(files),
        }.items():
            await parts.enter_async_context(listening("internal", f"unix:{tmp_path}/{name}", [mount], verifier))
        connection = await parts.enter_async_context(bus.connect(nats_url, "test", 1))
        yield World(tmp_path, connection, tasks, files, settings)


@pytest.fixture
def neural_world(world: World, triton_address: str) -> World:
    """Surroundings with a Triton that serves tiny models."""
    world.use({"triton_address": triton_address})
    return world
