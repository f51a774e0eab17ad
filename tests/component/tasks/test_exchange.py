"""The streams of workers: what they are given, and what becomes of their reports, on a real service."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import grpc
import pytest

from darkroom.common.v1 import errors_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.identity import Identity, Verifier
from services.platform.joining import worker_urn
from services.platform.rpc.interceptor import CallInterceptor
from tests.component.tasks.service import LONG_LEASE, Service
from tests.component.tasks.workers import worker_on

ACCOUNT = 7_001


async def test_a_free_slot_gets_the_next_task_and_its_end_is_answered(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as worker:
        [run_id] = await worker.ask()
        task = await replica.create(me)
        [admission] = await worker.given()
        assert (admission.task_id, admission.attempt, admission.run_id, admission.account_id) == (task.id, 1, run_id, ACCOUNT)
        assert (await replica.get(me, task.id)).state == task_pb2.TASK_STATE_RUNNING
        await worker.succeed(admission)
        assert (await worker.answered(task.id)) == {task.id: True}
        assert (await replica.get(me, task.id)).state == task_pb2.TASK_STATE_SUCCEEDED


async def test_one_message_ends_many_tasks_and_brings_as_many(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as worker:
        tasks = [await replica.create(me) for _ in range(6)]
        await worker.ask(3)
        first = await worker.given(3)
        assert [admission.task_id for admission in first] == [task.id for task in tasks[:3]]
        said = len(worker.responses)
        await worker.succeed(*first, slots=3)
        await worker.given(6)
        assert await worker.answered(*(task.id for task in tasks[:3])) == {task.id: True for task in tasks[:3]}
        # The tasks come with the answers, or before them if the lane was just being looked at.
        assert len(worker.responses) <= said + 2
        assert [admission.task_id for admission in worker.admissions[3:]] == [task.id for task in tasks[3:]]


def _tokens_as_certificates(monkeypatch: pytest.MonkeyPatch, seen: Callable[[Identity], Identity] = lambda identity: identity) -> None:
    """There are no certificates here: a token counts with that of its own worker. Services get identities as they are `seen`."""
    current_token_worker: ContextVar[str | None] = ContextVar("worker", default=None)
    verified = Verifier.service

    def verify(verifier: Verifier, token: str) -> Identity:
        identity = seen(verified(verifier, token))
        current_token_worker.set(identity.worker)
        return identity

    monkeypatch.setattr(CallInterceptor, "_joined_worker", lambda *_: current_token_worker.get())
    monkeypatch.setattr(Verifier, "service", verify)


async def test_what_a_worker_has_when_its_delegation_ends_goes_on_over_its_next_stream(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, member, ends = service.caller(ACCOUNT), worker_urn(1, "one"), math.inf
    _tokens_as_certificates(monkeypatch, lambda identity: replace(identity, ends=ends))
    async with service.replica() as replica:
        task, ends = await replica.create(me), time.time() + 5
        async with worker_on(replica.attempts, service.joined(member), name="one-1-0a1b2c") as worker:
            await worker.ask()
            [admission] = await worker.given()
            [free] = await worker.ask()
            assert await worker.over() is grpc.StatusCode.UNAVAILABLE
            other, ends = await replica.create(me), math.inf
        async with worker_on(replica.attempts, service.joined(member), name="one-1-0a1b2c") as worker:
            await worker.say(again=[free])
            await worker.succeed(admission)
            assert await worker.answered(task.id) == {task.id: True}
            [second] = await worker.given()
            assert (second.task_id, second.attempt) == (other.id, 1)


async def test_a_joined_worker_reports_about_its_own_attempts_alone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the token of one can neither renew nor end what another worker, joined or not, has begun."""
    me, one, other = service.caller(ACCOUNT), worker_urn(1, "one"), worker_urn(2, "other")
    _tokens_as_certificates(monkeypatch)

    async def renewed(urn: str, task: task_pb2.Task) -> list[bool]:
        metadata = service.joined(urn, ACCOUNT)
        beat = replica.attempts.Heartbeat(attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1), metadata=metadata)
        fetch = replica.attempts.FetchInputs(attempts_pb.FetchInputsRequest(task_id=task.id, attempt=1), metadata=metadata)
        return [(await beat).current, (await fetch).current]

    failure = attempts_pb.AttemptFailure(reason=errors_pb2.ERROR_REASON_INTERNAL, message="It is not its own.")
    ways: list[dict[str, Any]] = [{"success": attempts_pb.AttemptSuccess()}, {"failure": failure}, {"handed_back": failure}]
    async with (
        service.replica(lease=LONG_LEASE) as replica,
        worker_on(replica.attempts, service.joined(other), name="other-1-0a1b2c") as thief,
    ):
        for holder, name in ((service.joined(one), "one-1-0a1b2c"), (service.worker(), "server-1-0a1b2c")):
            async with worker_on(replica.attempts, holder, name=name) as worker:
                await worker.ask(3)
                tasks = [await replica.create(me) for _ in ways]
                admissions = await worker.given(3)
                assert await renewed(other, tasks[0]) == [False, False]
                await thief.say(
                    ends=[attempts_pb.AttemptEnd(task_id=task.id, attempt=1, **how) for task, how in zip(tasks, ways, strict=True)]
                )
                refused = await thief.answered(*(task.id for task in tasks))
                assert not any(refused[task.id] for task in tasks)
                assert {(await replica.get(me, task.id)).state for task in tasks} == {task_pb2.TASK_STATE_RUNNING}
                assert await renewed(one, tasks[0]) == [name.startswith("one")] * 2
                await worker.succeed(*admissions)
                assert await worker.answered(*(task.id for task in tasks)) == {task.id: True for task in tasks}


async def test_an_end_that_cannot_be_stored_takes_no_other_with_it(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as worker:
        tasks = [await replica.create(me) for _ in range(3)]
        await worker.ask(3)
        ends = [
            # Fewer outputs than none, of a task that promises none, have no price.
            attempts_pb.AttemptEnd(
                task_id=one.task_id, attempt=one.attempt, success=attempts_pb.AttemptSuccess(copies=int(one.task_id == tasks[1].id))
            )
            for one in await worker.given(3)
        ]
        await worker.say(ends=ends)
        assert await worker.answered(*(task.id for task in tasks)) == {task.id: task.id != tasks[1].id for task in tasks}
        assert (await replica.get(me, tasks[1].id)).state == task_pb2.TASK_STATE_RUNNING
        assert (await replica.get(me, tasks[2].id)).state == task_pb2.TASK_STATE_SUCCEEDED


async def test_priorities_hold_until_a_slot_is_free(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with (
        service.replica("a") as a,
        service.replica("b") as b,
        worker_on(a.attempts, service.worker(), name="w1") as one,
        worker_on(b.attempts, service.worker(), name="w2") as two,
    ):
        tasks = [await a.create(me, priority=priority) for priority in (0, 0, 0, 5, 9)]
        order = []
        for worker in (one, two, one, two, one):
            given = len(worker.admissions)
            await worker.ask()
            order.append((await worker.given(given + 1))[-1].task_id)
        assert order == [tasks[index].id for index in (4, 3, 0, 1, 2)]


async def test_a_worker_of_another_replica_is_found_at_once(service: Service) -> None:
    """Neither replica looks by itself before the test is over."""
    me = service.caller(ACCOUNT)
    async with (
        service.replica("a", dispatch_interval=300) as a,
        service.replica("b", dispatch_interval=300) as b,
        worker_on(b.attempts, service.worker()) as worker,
    ):
        await worker.ask()
        task = await a.create(me)
        assert (await worker.given())[0].task_id == task.id


async def test_a_slot_whose_worker_has_gone_gets_nothing(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as staying:
        async with worker_on(replica.attempts, service.worker()) as going:
            await going.ask(5)
            await going.heard(await going.say())
        await staying.ask()
        task = await replica.create(me)
        assert (await staying.given())[0].task_id == task.id
        assert not going.admissions


async def test_after_it_has_said_that_it_stops_a_worker_gets_nothing(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as worker:
        await worker.ask(3)
        running = await replica.create(me)
        [admission] = await worker.given()
        await worker.heard(await worker.say(draining=True))
        waiting = await replica.create(me)
        await worker.succeed(admission)
        assert await worker.answered(running.id) == {running.id: True}
        assert (await replica.get(me, waiting.id)).state == task_pb2.TASK_STATE_QUEUED
        # What had been taken for a slot of it is left to others, too.
        async with worker_on(replica.attempts, service.worker()) as other:
            [run_id] = await other.ask()
            await other.given()
        await worker.say(again=[run_id], draining=True)
        again = await replica.started(service.worker(), waiting.id)
        assert again.attempt >= 2
        # A look that was under way may have taken it for a slot of the worker that stops: that attempt is handed back, too.
        assert [one.outcome for one in (await replica.get(me, waiting.id)).attempts] == [
            *[task_pb2.TASK_STATE_FAILED] * (again.attempt - 1),
            task_pb2.TASK_STATE_UNSPECIFIED,
        ]
        assert len(worker.admissions) == 1


async def test_a_stopping_replica_ends_its_streams_and_loses_nothing(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica("b") as other:
        async with service.replica("a") as replica, worker_on(replica.attempts, service.worker()) as worker:
            [run_id] = await worker.ask()
            await worker.heard(await worker.say())
            replica.stop.set()
            assert await worker.over() is grpc.StatusCode.OK
        task = await other.create(me)
        async with worker_on(other.attempts, service.worker()) as again:
            await again.say(again=[run_id])
            assert (await again.given())[0].task_id == task.id


async def test_a_slot_counts_once_while_nobody_has_noticed_that_its_stream_is_broken(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with (
        service.replica() as replica,
        worker_on(replica.attempts, service.worker()) as broken,
        worker_on(replica.attempts, service.worker()) as following,
    ):
        [run_id] = await broken.ask()
        await broken.heard(await broken.say())
        await following.say(again=[run_id])
        assert await broken.over() is grpc.StatusCode.OK
        tasks = [await replica.create(me), await replica.create(me)]
        assert [admission.task_id for admission in await following.given()] == [tasks[0].id]
        await following.succeed(following.admissions[0], slots=1)
        assert [admission.task_id for admission in await following.given(2)] == [task.id for task in tasks]


async def test_what_a_worker_may_not_say_is_refused(service: Service) -> None:
    async with service.replica() as replica:
        async with worker_on(replica.attempts, service.worker(), lane="nowhere") as worker:
            await worker.ask()
            assert await worker.over() is grpc.StatusCode.INVALID_ARGUMENT
        async with worker_on(replica.attempts, service.worker()) as worker:
            await worker.say(free=[b"short"])
            assert await worker.over() is grpc.StatusCode.INVALID_ARGUMENT
        async with worker_on(replica.attempts, service.files_service()) as worker:
            await worker.ask()
            assert await worker.over() is grpc.StatusCode.PERMISSION_DENIED


async def test_an_account_at_its_limit_goes_on_when_one_of_its_tasks_ends(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with (
        service.replica(max_running_tasks=1, dispatch_interval=300) as replica,
        worker_on(replica.attempts, service.worker()) as worker,
    ):
        await worker.ask(4)
        tasks = [await replica.create(me) for _ in range(3)]
        for count in range(1, 4):
            admission = (await worker.given(count))[-1]
            assert len(worker.admissions) == count
            await worker.succeed(admission)
        assert [admission.task_id for admission in worker.admissions] == [task.id for task in tasks]


async def test_an_end_that_is_stored_while_nothing_may_start_lets_the_next_task_start(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with (
        service.replica(max_running_tasks=1, dispatch_interval=300) as replica,
        worker_on(replica.attempts, service.worker()) as worker,
    ):
        tasks = [await replica.create(me) for _ in range(4)]
        await worker.ask()
        for count in range(1, 5):
            # With the message about the end the slot is free again, but until that end is stored the account has its one task.
            await worker.succeed((await worker.given(count))[-1], slots=1)
        assert await worker.answered(*(task.id for task in tasks)) == {task.id: True for task in tasks}
        assert [admission.task_id for admission in worker.admissions] == [task.id for task in tasks]


async def test_a_cancelled_task_is_not_given_and_a_running_ones_end_is_refused(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as worker:
        queued, running = await replica.create(me), await replica.create(me)
        await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=queued.id), metadata=me)
        await worker.ask()
        [admission] = await worker.given()
        assert admission.task_id == running.id
        await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=running.id), metadata=me)
        await worker.succeed(admission)
        assert await worker.answered(running.id) == {running.id: False}
