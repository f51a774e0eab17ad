"""The files service's client of the tasks service."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import uuid4

import grpc

from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc, run_service_pb2, run_service_pb2_grpc
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.files.records import EndedTask
from services.files.watches import Watch
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.rpc.channel import Caller

TERMINAL_STATES = {task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED}
_BATCH = 1000  # the limit of LookupTasks
_SECONDS = 10.0
# How long the tasks service waits for the end of a task, and how long it may take to answer then.
_WAIT_SECONDS, _RUN_SECONDS = 60, 90.0
_SURFACE = "rest"
_WATCH = "watch"


class TaskFailure(DarkroomError):
    """The reason that a task has failed for, as opposed to that of a call about it."""


class TasksClient:
    """Looks up tasks of any account, and runs some."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        self._runs = run_service_pb2_grpc.RunServiceStub(channel)
        self._caller = caller

    async def find_ended(self, task_ids: Collection[int]) -> list[EndedTask]:
        """Those of the tasks that have ended, and those that do not exist, as ended without outputs. Raises UNAVAILABLE."""
        ordered, ended = sorted(task_ids), list[EndedTask]()
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            request = attempt_service_pb2.LookupTasksRequest(task_ids=batch)
            with translate_rpc_errors():
                reply = await self._stub.LookupTasks(request, metadata=self._caller.on_behalf_of(0), timeout=_SECONDS)
            standings = {standing.task_id: standing for standing in reply.tasks}
            for task_id in batch:
                standing = standings.get(task_id)
                if standing is None:
                    ended.append(EndedTask(task_id))
                elif standing.state in TERMINAL_STATES:
                    ended.append(EndedTask(task_id, tuple(standing.output_file_ids)))
        return ended

    async def run(
        self, account_id: int, file_id: int, operations: Sequence[operation_pb2.Operation], surface: str = _SURFACE, name: str = ""
    ) -> int:
        """The id of the one output of a task for a file. Calls with the same `name` share a task for a day. Raises what CreateTask raises,
        and the reason that the task failed for."""
        asked = run_service_pb2.RunRequest(
            input_file_ids=[file_id],
            operations=operations,
            surface=surface,
            wait_seconds=_WAIT_SECONDS,
            name=name or uuid4().hex,
            shared=bool(name),
        )
        with translate_rpc_errors():
            run = (await self._runs.Run(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_RUN_SECONDS)).run
            while run.state not in TERMINAL_STATES:
                again = run_service_pb2.OpenRunRequest(task_id=run.task_id, wait_seconds=_WAIT_SECONDS)
                run = (await self._runs.OpenRun(again, metadata=self._caller.on_behalf_of(account_id), timeout=_RUN_SECONDS)).run
        if run.state == task_pb2.TASK_STATE_SUCCEEDED and run.outputs:
            return run.outputs[0].id
        raise _error_of(run)

    async def start_watched(self, watch: Watch, url: str, destination: str, name: str) -> int:
        """The id of the task of a watch for the object at a `storage://` URL, which calls with the same `name` share for a day. Raises what
        CreateTask raises."""
        asked = run_service_pb2.RunRequest(
            input_url=url,
            operations=watch.operations,
            pipeline_id=str(watch.pipeline or ""),
            destination=destination,
            surface=_WATCH,
            name=name,
            shared=True,
        )
        with translate_rpc_errors():
            reply = await self._runs.Run(asked, metadata=self._caller.on_behalf_of(watch.account), timeout=_SECONDS)
        return reply.run.task_id

    async def has_ended(self, account_id: int, task_id: int) -> bool:
        """Whether a task has SUCCEEDED; False if it has not ended. Raises the reason that it failed for, as `TaskFailure`, and
        TASK_NOT_FOUND."""
        asked = run_service_pb2.OpenRunRequest(task_id=task_id)
        with translate_rpc_errors():
            run = (await self._runs.OpenRun(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)).run
        if run.state in TERMINAL_STATES and run.state != task_pb2.TASK_STATE_SUCCEEDED:
            error = _error_of(run)
            raise TaskFailure(error.reason, error.message)
        return run.state in TERMINAL_STATES


def _error_of(run: run_service_pb2.Run) -> DarkroomError:
    reason = ErrorReason.from_number(run.error.reason) if run.error.reason else ErrorReason.CANCELLED
    return DarkroomError(reason, run.error.message or "The task was cancelled.")
