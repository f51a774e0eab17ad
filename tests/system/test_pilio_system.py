"""`/v1/system`: the installation as its operator sees it, through the public port."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from services.pictures.operations import lanes
from services.platform.compatibility import SETTING, parse_surfaces
from services.platform.version import version
from tests.stacks import StackUnderTest
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter
from tests.system.test_snapotter_roles import role

LASTING = operation_pb2.Operation(noop=noop_pb2.Noop(steps=50, step_milliseconds=100))
NEEDS = {"accounts": ["database"], "files": ["database", "nats", "storage"], "tasks": ["database", "nats"], "gateway": ["nats"]}


@pytest.fixture
async def boss(stack: StackUnderTest, admin: SnapOtter) -> AsyncIterator[Pilio]:
    """The administrator, at `/v1`."""
    client = Pilio(stack.url, admin.token)
    yield client
    await client.http.aclose()


async def system(pilio: Pilio) -> dict[str, Any]:
    reply = await pilio.get("/v1/system")
    assert reply.status_code == 200, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


async def eventually(pilio: Pilio, as_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not as_wanted(found := await system(pilio)):
            await asyncio.sleep(0.1)
    return found


async def test_the_services_the_workers_and_the_disk(boss: Pilio) -> None:
    found = await eventually(boss, lambda found: any(worker["state"] == "ok" and found["models"] for worker in found["workers"]))
    parts = {part["name"]: part for part in found["parts"]}
    assert {name: [need["name"] for need in part["needs"]] for name, part in parts.items()} == NEEDS
    for part in parts.values():
        assert (part["state"], part["version"]) == ("ok", version())
        assert part["pid"] > 0
        assert part["started_at"] < found["read_at"]
        assert all(need == {"name": need["name"], "state": "ok"} for need in part["needs"])
    assert [disk["part"] for disk in found["disks"]] == ["files", "tasks"]
    for disk in found["disks"]:
        assert 0 < disk["free"] <= disk["total"]
        assert disk["full"] == (disk["free"] < disk["reserve"])
    assert "metrics_url" not in found
    assert found["surfaces"] == sorted(parse_surfaces(os.environ.get(SETTING)))

    worker = next(worker for worker in found["workers"] if worker["state"] == "ok")
    assert {need["name"] for need in worker["needs"]} == {"nats", "tasks", "files", "triton"}
    assert worker["gpu"] is False
    assert [lane["name"] for lane in found["lanes"]] == lanes()
    slots = {lane["name"]: lane["slots"] for lane in worker["lanes"]}
    for lane in found["lanes"]:
        assert (lane["slots"] > 0) == (lane["name"] in slots)
    assert {model["name"] for model in found["models"] if model["ready"]} & {"birefnet", "isnet"}


async def test_what_runs_and_what_is_stored(boss: Pilio, pilio: Pilio, native: AsyncClient) -> None:
    task = await native.create_task([], [LASTING])

    def running(found: dict[str, Any]) -> bool:
        lane = next(lane for lane in found["lanes"] if lane["name"] == "system")
        workers = sum(lane["running"] for worker in found["workers"] for lane in worker["lanes"] if lane["name"] == "system")
        return lane["running"] >= 1 and workers >= 1 and lane["free_slots"] < lane["slots"]

    await eventually(boss, running)
    await native.cancel_task(task.id)
    await pilio.upload("a.png", b"x" * 1000)
    stored = (await system(boss))["stored"]
    assert stored.keys() == {"bytes", "files"}
    assert stored["bytes"] >= 1000
    assert stored["files"] >= 1


async def test_who_may_look(boss: Pilio, pilio: Pilio, admin: SnapOtter, person: SnapOtter) -> None:
    """Other accounts may not, whatever their keys may do, and of the people those whose role permits it."""
    refused = await pilio.get("/v1/system")
    assert (refused.status_code, refused.json()["code"]) == (403, 40300)
    refused = await Pilio(boss.url, person.token, boss.http).get("/v1/system")
    assert (refused.status_code, refused.json()["code"]) == (403, 40300)
    assert "system:read" in refused.json()["message"]
    made = await role(admin, "system:health")
    looking = (await admin.person(made["name"]))[1]
    assert (await system(Pilio(boss.url, looking.token, boss.http)))["parts"]
