"""How a worker takes tasks, keeps its lease, stops, and drains: real NATS, no operation that needs a model."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.inference.worker import exchange
from services.inference.worker.lane import WorkerBroken
from services.platform.bus import cancel_subject
from tests.component.inference.conftest import World
from tests.component.inference.doubles import Task
from tests.stacks import StackUnderTest

SHORT = operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 1})
LONG = operation_pb2.Operation(noop={"steps": 1000, "step_milliseconds": 20})
ENDLESS = operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 60_000})
ONE_SLOT = {"system": 1}


async def test_a_task_is_taken_and_its_slot_is_free_again(world: World) -> None:
    async with world.worker(lanes=ONE_SLOT):
        task, after = await world.submit([SHORT]), await world.submit([SHORT])
        await world.finished(task)
        await world.finished(after)
        await world.tasks.until(lambda: world.tasks.slots("system") == 1)
    assert task.completed is not None
    assert (task.completed.attempt, list(task.completed.output_file_ids)) == (1, [])
    assert [len(each.starts) for each in (task, after)] == [1, 1]


async def test_a_worker_ends_that_cannot_load_what_works_on_tasks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take one task after the other, and do none."""

    def broken(*_: object) -> NoReturn:
        raise ImportError("libvips.so.42: cannot open shared object file")

    monkeypatch.setattr("services.inference.__main__._runners", broken)
    task = await world.submit([SHORT])
    with pytest.RaisesGroup(WorkerBroken, flatten_subgroups=True):
        async with world.worker(lanes=ONE_SLOT) as stop:
            await world.tasks.until(lambda: bool(task.starts))
            # Not by this: it ends by itself.
            async with asyncio.timeout(10):
                while world.tasks.workers:
                    await asyncio.sleep(0.01)
            assert not stop.is_set()
    assert not task.reported


@pytest.mark.thorough
async def test_no_more_tasks_are_asked_for_than_there_are_slots(world: World) -> None:
    async with world.worker(lanes={"system": 3}):
        busy = [await world.submit([ENDLESS]) for _ in range(5)]
        await world.tasks.until(lambda: all(task.starts for task in busy[:3]))
        await world.tasks.until(lambda: all(task.heartbeats for task in busy[:3]))
        assert not any(task.starts for task in busy[3:])
        for task in busy:
            task.current = False


async def test_a_task_that_was_sent_on_a_stream_that_broke_is_run_once(world: World) -> None:
    """The message with it is lost, and the worker asks again for the same slot."""
    async with world.worker(lanes=ONE_SLOT):
        await world.tasks.until(lambda: world.tasks.slots("system") == 1)
        [worker] = world.tasks.workers
        slot = worker.free.pop()
        task = Task(7, [SHORT], ())
        task.starts.append(slot)
        world.tasks.tasks[task.id] = task
        world.tasks.cut()
        await world.finished(task)
        await world.tasks.until(lambda: world.tasks.slots("system") == 1)
    assert task.starts == [slot]
    assert world.tasks.opened == 2


async def test_a_worker_says_on_every_stream_which_lanes_it_serves_on_standby_and_passes_on_what_it_is_told(world: World) -> None:
    told = task_pb2.Notice(code="ran_on_standby_worker", message="A slower worker ran this.")
    async with world.worker(lanes="system=1,picture=1", standby_lanes="system"):
        for opened in (2, 4):
            await world.tasks.until(lambda: world.tasks.slots("system") == world.tasks.slots("picture") == 1)
            assert {worker.lane: worker.standby for worker in world.tasks.workers} == {"system": True, "picture": False}
            assert world.tasks.opened == opened
            if opened == 2:
                world.tasks.cut()
                await world.tasks.until(lambda: world.tasks.opened == 4)
        task = await world.submit([SHORT], notices=[told])
        await world.finished(task)
    assert task.completed is not None
    assert list(task.completed.notices) == [told]


async def test_an_end_that_was_not_heard_is_said_again_on_the_next_stream(world: World) -> None:
    async with world.worker(lanes=ONE_SLOT):
        task = await world.submit([operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 300})])
        await world.tasks.until(lambda: bool(task.starts))
        world.tasks.unreachable = True
        await world.tasks.refused("Exchange", 2)
        world.tasks.unreachable = False
        await world.finished(task)
    assert task.completed is not None


async def test_a_stream_on_which_nothing_is_answered_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(exchange, "_SILENT_SECONDS", 0.2)
    async with world.worker(lanes=ONE_SLOT):
        await world.tasks.until(lambda: world.tasks.slots("system") == 1)
        world.tasks.silent = True
        await world.tasks.until(lambda: world.tasks.opened >= 2)
        world.tasks.silent = False
        task = await world.submit([SHORT])
        await world.finished(task)


async def test_a_task_whose_lease_may_be_over_is_not_begun(world: World) -> None:
    world.tasks.late_moments = 31_000
    async with world.worker(lanes=ONE_SLOT):
        late = await world.submit([SHORT])
        await world.tasks.until(lambda: bool(late.starts))
        await world.tasks.until(lambda: world.tasks.slots("system") == 1)
        world.tasks.late_moments = 0
        task = await world.submit([SHORT])
        await world.finished(task)
    assert not late.reported


async def test_a_lease_counts_from_the_moment_that_the_service_had_heard_of(world: World) -> None:
    """The first heartbeat is due by the time that has passed since, not from when the task arrives."""
    world.tasks.heartbeat_seconds, world.tasks.late_moments = 20, 20_000
    async with world.worker(lanes=ONE_SLOT):
        task = await world.submit([operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 60_000})])
        await world.tasks.until(lambda: bool(task.heartbeats), 10)
        task.current = False
        await world.bus.client.publish(cancel_subject(task.id))


async def test_progress_is_told_while_the_work_goes_on(world: World) -> None:
    async with world.worker():
        task = await world.submit([LONG])
        await world.tasks.until(lambda: len(task.heartbeats) >= 3)
        task.current = False
    assert task.heartbeats[-1].message.endswith("of 1000")
    assert 0 < task.heartbeats[-1].progress < 1


async def test_an_attempt_that_is_no_longer_current_stops_and_reports_nothing(world: World) -> None:
    async with world.worker(lanes=ONE_SLOT):
        task = await world.submit([ENDLESS])
        await world.tasks.until(lambda: len(task.heartbeats) >= 1)
        task.current = False
        after = await world.submit([SHORT])
        await world.finished(after)
    assert not task.reported


async def test_a_cancellation_is_heard_between_heartbeats(world: World) -> None:
    world.tasks.heartbeat_seconds = 3600
    async with world.worker(lanes=ONE_SLOT):
        task = await world.submit([ENDLESS])
        await world.tasks.until(lambda: len(task.heartbeats) >= 1)  # its first step was news
        task.current = False
        await world.bus.client.publish(cancel_subject(task.id))
        after = await world.submit([SHORT])
        await world.finished(after)
    assert not task.reported


async def test_a_stray_cancellation_stops_nothing(world: World) -> None:
    world.tasks.heartbeat_seconds = 3600
    async with world.worker():
        task = await world.submit([operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 3000})])
        await world.tasks.until(lambda: bool(task.heartbeats))
        told = len(task.heartbeats)
        await world.bus.client.publish(cancel_subject(task.id))
        await world.bus.client.publish("CANCEL.nonsense")
        await world.tasks.until(lambda: len(task.heartbeats) > told)
        await world.finished(task)
    assert task.completed is not None


async def test_a_lost_lease_stops_the_work_and_reports_nothing(world: World) -> None:
    world.tasks.lease_seconds, before = 1, dropped()
    async with world.worker(lanes=ONE_SLOT):
        task = await world.submit([ENDLESS])
        await world.tasks.until(lambda: len(task.heartbeats) >= 1)
        world.tasks.unreachable = True
        after = await world.submit([SHORT])
        await eventually(lambda: dropped() > before)
        world.tasks.unreachable = False
        await world.finished(after)
    assert not task.reported


@pytest.mark.breaks("nats")
async def test_a_worker_goes_on_while_nats_restarts(world: World, components: StackUnderTest) -> None:
    async with world.worker():
        await world.tasks.until(lambda: world.tasks.slots("system") > 0)
        await asyncio.to_thread(components.stop, "nats")
        during = await world.submit([SHORT])
        await world.finished(during)
        await asyncio.to_thread(components.start, "nats")
    assert during.completed is not None


async def test_sigterm_lets_short_work_end_and_hands_the_rest_back(world: World) -> None:
    process = await started(world, drain_seconds=6)
    try:
        ending = await world.submit([operation_pb2.Operation(noop={"steps": 5, "step_milliseconds": 200})])
        endless = await world.submit([ENDLESS])
        await world.tasks.until(lambda: bool(ending.heartbeats) and bool(endless.heartbeats))
        process.send_signal(signal.SIGTERM)
        await world.finished(ending)
        # Its slot is free, and the other task goes on: nothing is asked for.
        await world.tasks.until(lambda: {worker.draining for worker in world.tasks.workers if worker.lane == "system"} == {True})
        waiting = await world.submit([SHORT])
        await world.finished(endless)
        assert await asyncio.to_thread(process.wait, 90) == 0
    finally:
        process.kill()
        process.wait()
    assert ending.completed is not None
    assert endless.failed is not None
    assert endless.handed_back
    assert ErrorReason.Name(endless.failed.reason) == "ERROR_REASON_UNAVAILABLE"
    assert not waiting.starts
    assert list((world.folder / "work").iterdir()) == []


async def test_a_task_that_comes_while_the_worker_stops_is_handed_back(world: World) -> None:
    async with world.worker(lanes={"system": 2}) as stop:
        running = await world.submit([operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 1500})])
        await world.tasks.until(lambda: bool(running.heartbeats) and world.tasks.slots("system") == 1)
        [worker] = world.tasks.workers
        slot = worker.free[0]
        stop.set()
        await world.tasks.until(lambda: worker.draining)
        # As if it had been on its way.
        late = Task(7, [SHORT], (), starts=[slot])
        world.tasks.tasks[late.id] = late
        world.tasks.cut()
        await world.finished(late)
        await world.finished(running)
    assert late.handed_back
    assert running.completed is not None


def dropped() -> float:
    """How many attempts workers in this process have given up."""
    return REGISTRY.get_sample_value("darkroom_worker_attempts_total", {"outcome": "dropped", "reason": ""}) or 0


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for what nobody tells of."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


async def started(world: World, **changed: object) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, once it listens; there is no Triton that it could be ready with."""
    settings = world.settings(**changed)
    environment = {
        f"DARKROOM_{name.upper()}": ",".join(f"{lane}={count}" for lane, count in value.items()) if isinstance(value, dict) else str(value)
        for name, value in settings.model_dump(exclude_none=True, exclude_defaults=True).items()
    }
    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", "services.inference"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdin=subprocess.DEVNULL,
    )
    async with grpc.aio.insecure_channel(settings.internal_listen, options=[("grpc.default_authority", "worker")]) as channel:
        reply = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="liveness"), timeout=90, wait_for_ready=True
        )
    assert reply.status == health_pb2.HealthCheckResponse.SERVING
    return process
