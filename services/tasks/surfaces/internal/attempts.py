"""`darkroom.internal.tasks.v1.AttemptService`: reports of workers, and queries of other services."""

from __future__ import annotations

import asyncio
from uuid import UUID

from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from services.common.errors import ErrorReason
from services.common.log import bind
from services.common.rpc.interceptor import Context
from services.tasks.domain.acceptance.later_fetching import LaterFetching
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.plan import operations_of
from services.tasks.model.records import Standing
from services.tasks.surfaces.rendering import duration, state_number


class InternalAttempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Attempts, and the state of tasks."""

    def __init__(self, attempts: Attempts, later: LaterFetching) -> None:
        self._attempts, self._later = attempts, later

    async def StartAttempt(
        self, request: attempt_service_pb2.StartAttemptRequest, context: Context
    ) -> attempt_service_pb2.StartAttemptResponse:
        """Admit one run."""
        with bind(task_id=request.task_id):
            task = await self._attempts.start(request.task_id, UUID(request.run_id), request.worker)
            if task is not None and task.later_inputs and not request.fetches_inputs:
                # A worker of the previous version, during an upgrade: it would take the inputs that there are for all of them.
                message = "The worker is of a version that cannot have inputs fetched."
                await self._attempts.hand_back(task.id, task.attempt, ErrorReason.UNAVAILABLE, message)
                task = None
        if task is None:
            return attempt_service_pb2.StartAttemptResponse(admitted=False)
        return attempt_service_pb2.StartAttemptResponse(
            admitted=True,
            attempt=task.attempt,
            account_id=task.account_id,
            input_file_ids=task.input_file_ids,
            operations=operations_of(task),
            lease=duration(self._attempts.rules.lease),
            heartbeat_interval=duration(self._attempts.rules.heartbeat_interval),
            last=self._attempts.is_last(task),
            later_inputs=len(task.later_inputs),
        )

    async def StartAttempts(
        self, request: attempt_service_pb2.StartAttemptsRequest, context: Context
    ) -> attempt_service_pb2.StartAttemptsResponse:
        """Admit runs."""
        responses = await asyncio.gather(*(self.StartAttempt(one, context) for one in request.requests))
        return attempt_service_pb2.StartAttemptsResponse(responses=responses)

    async def FetchInputs(
        self, request: attempt_service_pb2.FetchInputsRequest, context: Context
    ) -> attempt_service_pb2.FetchInputsResponse:
        """Complete the inputs of a task."""
        with bind(task_id=request.task_id):
            inputs = await self._later.fetch(request.task_id, request.attempt)
        return attempt_service_pb2.FetchInputsResponse(current=inputs is not None, input_file_ids=inputs)

    async def Heartbeat(self, request: attempt_service_pb2.HeartbeatRequest, context: Context) -> attempt_service_pb2.HeartbeatResponse:
        """Renew a lease."""
        with bind(task_id=request.task_id):
            current = await self._attempts.heartbeat(request.task_id, request.attempt, request.progress, request.message)
        return attempt_service_pb2.HeartbeatResponse(current=current)

    async def CompleteAttempt(
        self, request: attempt_service_pb2.CompleteAttemptRequest, context: Context
    ) -> attempt_service_pb2.CompleteAttemptResponse:
        """End a task with its outputs."""
        with bind(task_id=request.task_id):
            accepted = await self._attempts.complete(
                request.task_id,
                request.attempt,
                request.output_file_ids,
                [notice.SerializeToString() for notice in request.notices],
                copies=request.copies,
            )
        return attempt_service_pb2.CompleteAttemptResponse(accepted=accepted)

    async def CompleteAttempts(
        self, request: attempt_service_pb2.CompleteAttemptsRequest, context: Context
    ) -> attempt_service_pb2.CompleteAttemptsResponse:
        """End tasks with their outputs."""
        responses = await asyncio.gather(*(self.CompleteAttempt(one, context) for one in request.requests))
        return attempt_service_pb2.CompleteAttemptsResponse(responses=responses)

    async def FailAttempt(
        self, request: attempt_service_pb2.FailAttemptRequest, context: Context
    ) -> attempt_service_pb2.FailAttemptResponse:
        """End an attempt without a result."""
        reason = ErrorReason.from_number(request.reason)
        with bind(task_id=request.task_id):
            if request.handed_back:
                accepted = await self._attempts.hand_back(request.task_id, request.attempt, reason, request.message)
            else:
                not_before = request.retry_after.ToTimedelta()
                accepted = await self._attempts.fail(request.task_id, request.attempt, reason, request.message, not_before)
        return attempt_service_pb2.FailAttemptResponse(accepted=accepted)

    async def LookupTasks(
        self, request: attempt_service_pb2.LookupTasksRequest, context: Context
    ) -> attempt_service_pb2.LookupTasksResponse:
        """Return the state of tasks."""
        standings = await self._attempts.standings(request.task_ids)
        return attempt_service_pb2.LookupTasksResponse(tasks=map(_standing, standings))


def _standing(standing: Standing) -> attempt_service_pb2.TaskStanding:
    """The state of a task, for other services."""
    return attempt_service_pb2.TaskStanding(
        task_id=standing.id, state=state_number(standing.state), output_file_ids=standing.output_file_ids
    )
