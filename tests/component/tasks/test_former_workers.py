"""Workers of the previous version beside this one: they are offered what they wait for, and no more."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.tasks.v1 import former_workers_pb2 as former_pb
from darkroom.tasks.v1 import task_pb2
from services.platform.bus import WORK_STREAM, Bus, work_consumer, work_subject
from services.platform.database import Database
from services.tasks.domain.lifecycle import former_workers
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.former_workers import FormerWorkers
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.model.state import TaskState
from services.tasks.store.former_workers import FormerWorkerStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene
from tests.component.tasks.service import Service
from tests.component.tasks.test_task_loops import attempts  # noqa: F401 - fixture
from tests.component.tasks.workers import worker_on

ACCOUNT = 7_001
CONSUMER = ConsumerConfig(
    work_consumer("system"), filter_subject=work_subject("system"), ack_policy=AckPolicy.EXPLICIT, ack_wait=15, max_deliver=-1
)


async def test_one_is_given_tasks_beside_one_of_this_version(service: Service, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(former_workers, "LOOK_SECONDS", 0.05)
    me, worker = service.caller(ACCOUNT), service.worker()
    await bus.jetstream.add_consumer(WORK_STREAM, CONSUMER)
    former = await bus.jetstream.pull_subscribe_bind(work_consumer("system"), stream=WORK_STREAM)
    async with service.replica() as replica:
        first = await replica.create(me)
        [hint] = await former.fetch(1, timeout=30)
        request = former_pb.StartAttemptRequest(task_id=first.id, run_id=str(uuid.uuid4()), worker="former")
        assert former_pb.WorkHint.FromString(hint.data).task_id == first.id
        [started] = (await replica.attempts.StartAttempts(former_pb.StartAttemptsRequest(requests=[request]), metadata=worker)).responses
        assert (started.admitted, started.attempt, started.account_id) == (True, 1, ACCOUNT)
        assert await replica.attempts.StartAttempt(request, metadata=worker) == started
        other = former_pb.StartAttemptRequest(task_id=first.id, run_id=str(uuid.uuid4()), worker="former")
        assert not (await replica.attempts.StartAttempt(other, metadata=worker)).admitted
        await hint.ack()
        async with worker_on(replica.attempts, worker) as current:
            await current.ask()
            second = await replica.create(me)
            [admission] = await current.given()
            assert admission.task_id == second.id
        report = former_pb.CompleteAttemptsRequest(requests=[former_pb.CompleteAttemptRequest(task_id=first.id, attempt=1)])
        assert [one.accepted for one in (await replica.attempts.CompleteAttempts(report, metadata=worker)).responses] == [True]
        assert (await replica.get(me, first.id)).state == task_pb2.TASK_STATE_SUCCEEDED


async def test_offers_that_nobody_takes_up_go_back(
    scene: Scene,
    bus: Bus,
    clean_engine: AsyncEngine,
    attempts: Attempts,  # noqa: F811
    clock: MovableClock,
) -> None:
    former = FormerWorkers(["system"], FormerWorkerStore(Database(clean_engine)), attempts, bus, Notifications(), 1000, clock)
    left, waiting = await scene.create(), await scene.create()
    # By a replica of the previous version, whose workers have gone.
    await scene.offer(places=1)
    clock.advance(29)
    assert await former.step() is False
    assert (await scene.now(left)).state is TaskState.DISPATCHED
    clock.advance(1)
    former._looked_at = 0
    assert await former.step() is False
    back = await scene.now(left)
    assert (back.state, back.run_at, back.attempt) == (TaskState.QUEUED, clock(), 0)
    clock.advance(timedelta(seconds=1).total_seconds())
    assert [task.id for task in await scene.take()] == [left.id, waiting.id]
