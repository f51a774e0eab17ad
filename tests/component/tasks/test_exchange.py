"""The streams of workers: what they are given, and what becomes of their reports, on a real service."""

from __future__ import annotations

from darkroom.tasks.v1 import task_pb2
from tests.component.tasks.service import Service
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
