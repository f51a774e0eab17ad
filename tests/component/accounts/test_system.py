"""The installation as accounts puts it together: from its own process, from one that answers, and without those that do not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from darkroom.internal.system.v1 import part_pb2
from services.accounts.domain import system
from services.accounts.domain.system import SystemReport
from services.accounts.surfaces.rest import system_messages
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.server import Mount, listening
from services.platform.system_part import OwnPart, RemoteSystemPart, SystemPartServicer
from services.platform.telemetry.health import Check, Health, NotThereError
from tests.unit.platform.keys import Keys

SECRET = "postgresql://tasks:swordfish@10.1.2.3/tasks"


async def gone() -> None:
    raise ConnectionRefusedError(f"cannot connect to {SECRET}")


async def loading() -> None:
    raise NotThereError("models are loading")


async def there() -> None:
    return


async def failing_fill(part: part_pb2.Part) -> None:
    part.disk.free_bytes = 5
    raise RuntimeError(SECRET)


async def lanes(part: part_pb2.Part) -> None:
    part.lanes.add(name="neural")


async def never() -> part_pb2.Part:
    await asyncio.Event().wait()
    raise AssertionError


async def checked(*needs: Check) -> Health:
    health = Health(needs)
    for _ in range(2):
        await health.step()
    return health


async def test_parts_over_the_internal_listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "ANSWER_SECONDS", 0.5)
    keys, address = Keys(tmp_path), f"unix:{tmp_path}/tasks.sock"
    caller, _ = Caller(keys.signer("accounts")), keys.signer("tasks")
    served, own = OwnPart(failing_fill, lanes), OwnPart()
    served.watch(await checked(Check("database", gone, 0.0), Check("triton", loading, 0.0), Check("nats", there)))
    async with (
        listening("internal", address, [Mount(SystemPartServicer(served))], keys.verifier()),
        channel(address) as tasks,
        channel(f"unix:{tmp_path}/nobody.sock") as files,
    ):
        parts = {
            "accounts": own.read,
            "tasks": RemoteSystemPart(tasks, caller).read,
            "files": RemoteSystemPart(files, caller).read,
            "gateway": never,
        }
        found = await SystemReport(parts).read()
    assert list(found) == ["accounts", "tasks", "files", "gateway"]
    assert (found["files"], found["gateway"]) == (None, None)
    shown = system_messages.system(found)
    assert [(part.name, part.state) for part in shown.parts] == [
        ("accounts", "ok"),
        ("tasks", "failing"),
        ("files", "unreachable"),
        ("gateway", "unreachable"),
    ]
    assert [(need.name, need.state, need.problem) for need in shown.parts[1].needs] == [
        ("database", "failing", "ConnectionRefusedError"),
        ("triton", "failing", "models are loading"),
        ("nats", "ok", ""),
    ]
    # What fails to be read keeps nothing else from being told.
    assert [lane.name for lane in shown.lanes] == ["neural"]
    for word in ("swordfish", "10.1.2.3"):
        assert word not in str(shown)
