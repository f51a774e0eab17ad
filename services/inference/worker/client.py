"""The worker's client of the tasks service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1.attempt_service_pb2_grpc import AttemptServiceStub
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.common.batching import Batched
from services.common.errors import DarkroomError, translated
from services.common.rpc.channel import Caller

_SECONDS = 5.0
_FETCH_SECONDS = 180.0
"""For each input: longer than it may wait for its turn and be on its way. The lease ends it earlier."""
_LONGEST_MESSAGE = 500
_LONGEST_PAUSE_SECONDS = 86_400
_LARGEST_BATCH = 100
"""Most items that the service takes in one call."""
_SPACING = 0.012
"""Seconds between two calls of a kind: short compared to a task, yet it keeps calls few when there are many tasks."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A task that this worker was admitted to."""

    task_id: int
    attempt: int
    account_id: int
    input_file_ids: tuple[int, ...]
    operations: tuple[operation_pb2.Operation, ...]
    lease_seconds: float
    heartbeat_seconds: float
    last: bool = False
    """No further attempt follows this one."""
    later_inputs: int = 0
    """How many inputs must be fetched before the task is run; `input_file_ids` lacks them."""


class AttemptClient:
    """`darkroom.internal.tasks.v1.AttemptService`, with its errors as DarkroomError. Every call may be repeated.

    Concurrent starts and completions share a call.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: Caller, worker: str) -> None:
        self._stub = AttemptServiceStub(channel)
        self._caller = caller
        self._worker = worker
        self._starts = Batched(self._start_all, _LARGEST_BATCH, _SPACING)
        self._completions = Batched(self._complete_all, _LARGEST_BATCH, _SPACING)

    async def start(self, task_id: int, run_id: str) -> Admission | None:
        """Ask to run a task; None if it must not be run."""
        request = pb.StartAttemptRequest(task_id=task_id, run_id=run_id, worker=self._worker, fetches_inputs=True)
        reply = await self._starts(request)
        if not reply.admitted:
            return None
        return Admission(
            task_id=task_id,
            attempt=reply.attempt,
            account_id=reply.account_id,
            input_file_ids=tuple(reply.input_file_ids),
            operations=tuple(reply.operations),
            lease_seconds=reply.lease.ToTimedelta().total_seconds(),
            heartbeat_seconds=reply.heartbeat_interval.ToTimedelta().total_seconds(),
            last=reply.last,
            later_inputs=reply.later_inputs,
        )

    async def fetch_inputs(self, run: Admission) -> tuple[int, ...] | None:
        """All inputs, once the missing ones have been fetched; None if the attempt must stop. Raises what makes the task fail."""
        request = pb.FetchInputsRequest(task_id=run.task_id, attempt=run.attempt)
        with translated():
            reply = await self._stub.FetchInputs(request, metadata=self._metadata(run), timeout=_FETCH_SECONDS * run.later_inputs)
        return tuple(reply.input_file_ids) if reply.current else None

    async def heartbeat(self, run: Admission, done: float, message: str, timeout: float) -> bool:
        """Renew the lease; False if the attempt must stop."""
        request = pb.HeartbeatRequest(task_id=run.task_id, attempt=run.attempt, progress=done, message=message)
        with translated():
            reply = await self._stub.Heartbeat(request, metadata=self._metadata(run), timeout=min(timeout, _SECONDS))
        return reply.current

    async def complete(self, run: Admission, outputs: Sequence[int], copies: int, notices: Sequence[task_pb2.Notice]) -> bool:
        """Report success; False if the attempt had already ended otherwise. The last `copies` of the outputs repeat the others."""
        request = pb.CompleteAttemptRequest(
            task_id=run.task_id, attempt=run.attempt, output_file_ids=outputs, copies=copies, notices=notices
        )
        return (await self._completions((run, request))).accepted

    async def fail(self, run: Admission, error: DarkroomError, *, handed_back: bool = False) -> bool:
        """Report failure, with the delay before a further attempt if the error gives one; False if the attempt had already ended otherwise.
        With `handed_back` nothing failed, but this worker is stopping."""
        request = pb.FailAttemptRequest(
            task_id=run.task_id,
            attempt=run.attempt,
            reason=error.reason.number,
            message=error.message[:_LONGEST_MESSAGE],
            handed_back=handed_back,
        )
        if error.retry_after is not None:
            request.retry_after.FromSeconds(min(max(0, error.retry_after), _LONGEST_PAUSE_SECONDS))
        with translated():
            reply = await self._stub.FailAttempt(request, metadata=self._metadata(run), timeout=_SECONDS)
        return reply.accepted

    async def _start_all(self, requests: Sequence[pb.StartAttemptRequest]) -> Sequence[pb.StartAttemptResponse]:
        metadata = self._caller.on_behalf_of(0)
        with translated():
            if len(requests) == 1:
                return [await self._stub.StartAttempt(requests[0], metadata=metadata, timeout=_SECONDS)]
            return (
                await self._stub.StartAttempts(pb.StartAttemptsRequest(requests=requests), metadata=metadata, timeout=_SECONDS)
            ).responses

    async def _complete_all(self, reports: Sequence[tuple[Admission, pb.CompleteAttemptRequest]]) -> Sequence[pb.CompleteAttemptResponse]:
        (run, request), *others = reports
        with translated():
            if not others:
                return [await self._stub.CompleteAttempt(request, metadata=self._metadata(run), timeout=_SECONDS)]
            together = pb.CompleteAttemptsRequest(requests=[request for _, request in reports])
            # Calls cover several accounts, so they are made on behalf of none.
            return (await self._stub.CompleteAttempts(together, metadata=self._caller.on_behalf_of(0), timeout=_SECONDS)).responses

    def _metadata(self, run: Admission) -> tuple[tuple[str, str], ...]:
        return self._caller.on_behalf_of(run.account_id)
