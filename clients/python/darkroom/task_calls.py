"""Tasks: create, watch, look up, cancel, rerun, delete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import cached_property

import grpc

from darkroom.backoff import Backoff, Retries
from darkroom.calls import CALL_SECONDS, may_pass, new_key, pages
from darkroom.failures import TaskFailed, from_rpc
from darkroom.operations.v1 import operation_pb2
from darkroom.part import Part
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc

OnEvent = Callable[[task_pb2.TaskEvent], None]

TERMINAL = (task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED)
_STREAM = Backoff(attempts=8, longest_seconds=5.0)
_WAIT_SECONDS = 60
"""The longest that the server waits for the end of a task."""
_STEADY_SECONDS = 30.0
"""A stream that lasted this long worked: when it breaks, failures are counted from the start again."""


class TasksPart(Part):
    """The task methods of `AsyncClient`."""

    @cached_property
    def _tasks(self) -> tasks_service_pb2_grpc.TasksServiceAsyncStub:
        return tasks_service_pb2_grpc.TasksServiceStub(self._calls.channel)

    async def create_task(
        self,
        input_file_ids: Sequence[int],
        operations: Sequence[operation_pb2.Operation] = (),
        priority: int = 0,
        deadline: datetime | None = None,
        idempotency_key: str | None = None,
        webhook_url: str = "",
        pipeline_id: str = "",
        destination: str = "",
    ) -> task_pb2.Task:
        """Create a task. It runs on the server whatever happens to this client. If it has not ended by its `deadline`, it fails.
        `webhook_url` is notified when it ends. `pipeline_id` names a saved pipeline whose operations are run, in place of `operations`.
        `destination` is where the results are copied to: `storage://NAME/path/`, in a storage that the operator has made writable.

        A call that fails on the way is retried and never creates a second task. With your own `idempotency_key`, the same request within
        24 hours returns the same task, even after this program was restarted.
        """
        request = tasks_service_pb2.CreateTaskRequest(
            input_file_ids=input_file_ids,
            operations=operations,
            pipeline_id=pipeline_id,
            priority=priority,
            webhook_url=webhook_url,
            destination=destination,
        )
        if deadline is not None:
            request.deadline.FromDatetime(deadline)
        return (await self._calls.call(self._tasks.CreateTask, request, idempotency_key=idempotency_key or new_key())).task

    async def get_task(self, task_id: int, wait_seconds: int = 0) -> task_pb2.Task:
        """One task: its current state, or its end as soon as it has ended, but after `wait_seconds`, up to 60, at the latest."""
        request = tasks_service_pb2.GetTaskRequest(task_id=task_id, wait_seconds=wait_seconds)
        return (await self._calls.call(self._tasks.GetTask, request, timeout=CALL_SECONDS + wait_seconds)).task

    async def list_tasks(self, limit: int = 100, states: Sequence[task_pb2.TaskState.ValueType] = ()) -> list[task_pb2.Task]:
        """The newest tasks, up to `limit`; only those in one of `states`, if given."""
        return [task async for task in self.iterate_tasks(limit, states)]

    async def iterate_tasks(
        self, limit: int | None = None, states: Sequence[task_pb2.TaskState.ValueType] = ()
    ) -> AsyncIterator[task_pb2.Task]:
        """The account's tasks, newest first, fetched page by page as they are read."""
        request = tasks_service_pb2.ListTasksRequest(page_size=1000, states=states)
        async for task in pages(self._calls.call, self._tasks.ListTasks, request, "tasks", limit):
            yield task

    async def cancel_task(self, task_id: int) -> task_pb2.Task:
        """Cancel a task that has not ended. Raises Conflict if it has."""
        return (await self._calls.call(self._tasks.CancelTask, tasks_service_pb2.CancelTaskRequest(task_id=task_id))).task

    async def rerun_task(self, task_id: int, idempotency_key: str | None = None) -> task_pb2.Task:
        """Create a new task with the inputs and operations of another."""
        request = tasks_service_pb2.RerunTaskRequest(task_id=task_id)
        return (await self._calls.call(self._tasks.RerunTask, request, idempotency_key=idempotency_key or new_key())).task

    async def delete_task(self, task_id: int) -> None:
        """Delete a task that has ended, with its outputs."""
        await self._calls.call(self._tasks.DeleteTask, tasks_service_pb2.DeleteTaskRequest(task_id=task_id))

    async def watch(self, task_id: int, after_sequence: int = 0) -> AsyncIterator[task_pb2.TaskEvent]:
        """The task's events in order and without gaps, up to the terminal one. A broken connection is resumed."""
        retries = Retries(_STREAM)
        while True:
            request = tasks_service_pb2.WatchTaskRequest(task_id=task_id, after_sequence=after_sequence)
            opened = time.monotonic()
            try:
                async for reply in self._tasks.WatchTask(request, metadata=self._calls.server.metadata):
                    retries.reset()
                    after_sequence = reply.event.sequence
                    yield reply.event
                    if reply.event.state in TERMINAL:
                        return
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                if not may_pass(failure):
                    raise failure from error
                if time.monotonic() - opened > _STEADY_SECONDS:
                    retries.reset()
                await retries.wait(failure, error)
            else:
                # The server closes streams early when it shuts down.
                await asyncio.sleep(_STREAM.first_seconds)

    async def wait(self, task_id: int, on_event: OnEvent | None = None) -> task_pb2.Task:
        """Wait until a task has ended and return it. Raises TaskFailed unless it has SUCCEEDED."""
        if on_event is not None:
            async for event in self.watch(task_id):
                on_event(event)
        # Callers that need no events get the end and the task with one reply.
        task = await self.get_task(task_id, _WAIT_SECONDS)
        while task.state not in TERMINAL:
            # The server answers early when it shuts down.
            await asyncio.sleep(_STREAM.first_seconds)
            task = await self.get_task(task_id, _WAIT_SECONDS)
        if task.state != task_pb2.TASK_STATE_SUCCEEDED:
            raise TaskFailed(task)
        return task
