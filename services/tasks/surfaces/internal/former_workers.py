"""The calls of `AttemptService` that only workers of the previous version make. The next version deletes it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from darkroom.internal.tasks.v1 import former_workers_pb2 as pb
from services.platform.errors import ErrorReason
from services.platform.log import bind
from services.platform.rpc.interceptor import Context
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.former_workers import FormerWorkers
from services.tasks.domain.plan import operations_of
from services.tasks.model.records import Completion
from services.tasks.surfaces.rendering import duration


class FormerWorkerCalls:
    """Mixed into the servicer."""

    def __init__(self, attempts: Attempts, former: FormerWorkers) -> None:
        self._attempts, self._former = attempts, former

    async def StartAttempt(self, request: pb.StartAttemptRequest, context: Context) -> pb.StartAttemptResponse:
        """Admit one run."""
        with bind(task_id=request.task_id):
            task = await self._former.start(request.task_id, UUID(request.run_id), request.worker, fetches_inputs=request.fetches_inputs)
        if task is None:
            return pb.StartAttemptResponse(admitted=False)
        return pb.StartAttemptResponse(
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

    async def StartAttempts(self, request: pb.StartAttemptsRequest, context: Context) -> pb.StartAttemptsResponse:
        """Admit runs."""
        return pb.StartAttemptsResponse(responses=await asyncio.gather(*(self.StartAttempt(one, context) for one in request.requests)))

    async def CompleteAttempt(self, request: pb.CompleteAttemptRequest, context: Context) -> pb.CompleteAttemptResponse:
        """End a task with its outputs."""
        notices = [notice.SerializeToString() for notice in request.notices]
        with bind(task_id=request.task_id):
            done = Completion(request.task_id, request.attempt, request.output_file_ids, request.copies, notices)
            [accepted] = await self._attempts.complete([done])
        return pb.CompleteAttemptResponse(accepted=accepted)

    async def CompleteAttempts(self, request: pb.CompleteAttemptsRequest, context: Context) -> pb.CompleteAttemptsResponse:
        """End tasks with their outputs."""
        responses = await asyncio.gather(*(self.CompleteAttempt(one, context) for one in request.requests))
        return pb.CompleteAttemptsResponse(responses=responses)

    async def FailAttempt(self, request: pb.FailAttemptRequest, context: Context) -> pb.FailAttemptResponse:
        """End an attempt without a result."""
        reason = ErrorReason.from_number(request.reason)
        with bind(task_id=request.task_id):
            if request.handed_back:
                accepted = await self._attempts.hand_back(request.task_id, request.attempt, reason, request.message)
            else:
                not_before = request.retry_after.ToTimedelta()
                accepted = await self._attempts.fail(request.task_id, request.attempt, reason, request.message, not_before)
        return pb.FailAttemptResponse(accepted=accepted)
