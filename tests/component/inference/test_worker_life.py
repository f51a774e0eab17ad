"""How a worker takes tasks, keeps its lease, stops, and drains: real queue, no operation that needs a model."""

import asyncio
import os
import signal
import subprocess
import sys

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import operation_pb2
from services.common.bus import cancel_subject
from tests.component.inference.conftest import World
from tests.stacks import StackUnderTest

SHORT = operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 1})
LONG = operation_pb2.Operation(noop={"steps": 1000, "step_milliseconds": 20})
ENDLESS = operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 60_000})
ONE_SLOT = {"system": 1}
CHANNEL_TRIES = 5
"""How often a channel repeats a call by itself; what goes beyond is the worker's doing."""


async def test_a_task_is_taken_once_and_its_hint_is_gone(world: World) -> None:
    async with world.worker():
        task = await world.submit([SHORT])
        await world.hint(task.id, "system")
        await world.finished(task)
        await world.queue_empty("system")
    assert task.completed is not None
    assert (task.completed.attempt, list(task.completed.output_file_ids)) == (1, [])
    assert len({start.run_id for start in task.starts}) == 2
    assert len({start.worker for start in task.starts}) == 1


async def test_a_hint_of_a_task_that_is_not_to_be_run_is_dropped(world: World) -> None:
    async with world.worker():
        await world.hint(999_999, "system")
        task = await world.submit([SHORT])
        await world.finished(task)
        await world.queue_empty("system")


async def test_a_malformed_hint_stops_nobody(world: World) -> None:
    async with world.worker(lanes=ONE_SLOT):
        await world.bus.jetstream.publish("WORK.system", b"\xff\xff")
        task = await world.submit([SHORT])
        await world.finished(task)
        await world.queue_empty("system")


async def test_a_hint_goes_back_while_tasks_cannot_be_asked_and_the_same_run_asks_again(world: World) -> None:
    async with world.worker():
        first = await world.submit([SHORT])
        await world.finished(first)
        world.tasks.unreachable = True
        task = await world.submit([SHORT])
        await world.tasks.refused("StartAttempt", CHANNEL_TRIES + 1)
        world.tasks.unreachable = False
        await world.finished(task)
        await world.queue_empty("system")
    assert task.completed is not None
    assert len({start.run_id for start in task.starts}) == 1


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
    world.tasks.lease_seconds = 1
    async with world.worker(lanes=ONE_SLOT):
        task = await world.submit([ENDLESS])
        await world.tasks.until(lambda: len(task.heartbeats) >= 1)
        world.tasks.unreachable = True
        after = await world.submit([SHORT])
        # The only slot asks for the next task once it has given up the first.
        await world.tasks.refused("StartAttempt", 1)
        world.tasks.unreachable = False
        await world.finished(after)
    assert not task.reported


async def test_a_report_is_repeated_until_it_is_heard(world: World) -> None:
    async with world.worker():
        task = await world.submit([operation_pb2.Operation(noop={"steps": 1, "step_milliseconds": 300})])
        await world.tasks.until(lambda: bool(task.starts))
        world.tasks.unreachable = True
        await world.tasks.refused("CompleteAttempt", CHANNEL_TRIES + 1)
        world.tasks.unreachable = False
        await world.finished(task)
    assert task.completed is not None


@pytest.mark.breaks("nats")
async def test_a_worker_goes_on_after_the_queue_was_restarted(world: World, components: StackUnderTest) -> None:
    async with world.worker():
        before = await world.submit([SHORT])
        await world.finished(before)
        await asyncio.to_thread(components.restart, "nats")
        after = await world.submit([SHORT])
        await world.finished(after)
        await world.queue_empty("system")
    assert after.completed is not None


async def test_sigterm_lets_short_work_end_and_hands_the_rest_back(world: World) -> None:
    process = await started(world, drain_seconds=10)
    try:
        ending = await world.submit([operation_pb2.Operation(noop={"steps": 5, "step_milliseconds": 200})])
        endless = await world.submit([ENDLESS])
        await world.tasks.until(lambda: bool(ending.starts) and bool(endless.starts))
        process.send_signal(signal.SIGTERM)
        await world.finished(ending)
        await world.finished(endless)
        assert await asyncio.to_thread(process.wait, 90) == 0
    finally:
        process.kill()
        process.wait()
    assert ending.completed is not None
    assert endless.failed is not None
    assert ErrorReason.Name(endless.failed.reason) == "ERROR_REASON_UNAVAILABLE"
    # Nobody takes tasks any more: a hint stays in the queue.
    waiting = await world.submit([SHORT])
    info = await world.bus.jetstream.consumer_info("WORK", "inference_system")
    assert info.num_pending == 1
    assert not waiting.starts
    assert list((world.folder / "work").iterdir()) == []


async def started(world: World, **changed: object) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, once it listens; there is no Triton that it could be ready with."""
    settings = world.settings(**changed)
    environment = {
        f"DARKROOM_{name.upper()}": ",".join(f"{lane}={count}" for lane, count in value.items()) if isinstance(value, dict) else str(value)
        for name, value in settings.model_dump(exclude_none=True).items()
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
