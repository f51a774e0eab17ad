"""What the running service does with attempts that fail, fall silent, or are handed back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from darkroom.common.v1 import errors_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import ErrorReason
from tests.component.tasks.service import Replica, Service, eventually

ACCOUNT = 7_001


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


async def test_a_failure_that_may_pass_is_tried_again_and_a_bad_input_is_not(service: Service, replica: Replica) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    task = await replica.create(me)
    for attempt, reason in ((1, ErrorReason.UNAVAILABLE), (2, ErrorReason.FILE_CORRUPT)):
        assert (await replica.started(worker, task.id)).attempt == attempt
        assert await replica.fail(worker, task.id, attempt, reason=reason.number, message=f"Attempt {attempt}.")
    failed = await replica.get(me, task.id)
    assert (failed.state, failed.error.message) == (task_pb2.TASK_STATE_FAILED, "Attempt 2.")
    assert failed.error.reason == errors_pb2.ERROR_REASON_FILE_CORRUPT
    assert not await replica.fail(worker, task.id, attempt, reason=reason.number, message=f"Attempt {attempt}.")


async def test_an_unexpected_failure_is_tried_twice_in_all(service: Service, replica: Replica) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    task = await replica.create(me)
    for attempt in (1, 2):
        await replica.started(worker, task.id)
        await replica.fail(worker, task.id, attempt, reason=ErrorReason.INTERNAL.number, message="Odd.")
    assert (await replica.get(me, task.id)).state == task_pb2.TASK_STATE_FAILED


async def test_a_silent_worker_loses_the_task_to_another(service: Service) -> None:
    async with service.replica(lease=0.2, heartbeat_interval=0.1) as replica:
        me, worker = service.caller(ACCOUNT), service.worker()
        task = await replica.create(me)
        assert (await replica.started(worker, task.id)).attempt == 1
        assert (await replica.started(worker, task.id)).attempt == 2
        assert not await replica.complete(worker, task.id, output_file_ids=[1])
        beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1)
        assert not (await replica.attempts.Heartbeat(beat, metadata=worker)).current


async def test_a_task_that_kills_its_workers_is_given_up(service: Service) -> None:
    async with service.replica(lease=0.1, heartbeat_interval=0.05, max_attempts=2) as replica:
        me = service.caller(ACCOUNT)
        task = await replica.create(me)
        for _ in range(2):
            await replica.started(service.worker(), task.id)
        failed = await eventually(lambda: replica.get(me, task.id), lambda now: now.state == task_pb2.TASK_STATE_FAILED)
        assert failed.error.reason == errors_pb2.ERROR_REASON_WORKER_LOST


async def test_a_retry_waits_as_long_as_a_provider_says(service: Service) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    async with service.replica() as replica:
        task = await replica.create(me)
        await replica.started(worker, task.id)
        assert await replica.fail(worker, task.id, reason=ErrorReason.UNAVAILABLE.number, retry_after=timedelta(seconds=2))
        failed_at = (await replica.get(me, task.id)).update_time.ToDatetime()
        again = await replica.started(worker, task.id)
        started_at = (await replica.get(me, task.id)).start_time.ToDatetime()
    assert again.attempt == 2
    assert started_at - failed_at >= timedelta(seconds=2)


async def test_a_worker_that_is_stopped_costs_the_task_no_attempt(service: Service) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    # No retry within the test's patience: only an attempt that was handed back is begun again at once.
    async with service.replica(max_attempts=1, backoff=300) as replica:
        task = await replica.create(me)
        for attempt in (1, 2, 3):
            assert (await replica.started(worker, task.id)).attempt == attempt
            assert await replica.fail(
                worker, task.id, attempt, reason=ErrorReason.UNAVAILABLE.number, message="Shut down.", handed_back=True
            )
        await replica.started(worker, task.id)
        assert await replica.complete(worker, task.id, 4)
        done = await replica.get(me, task.id)
    assert (done.state, done.attempt, done.max_attempts) == (task_pb2.TASK_STATE_SUCCEEDED, 4, 4)
