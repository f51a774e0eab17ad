"""`darkroom.internal.tasks.v1.AttemptService`: the tasks of workers, and queries of other services."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.log import bind
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.later_fetching import LaterFetching
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.delivering import Delivering
from services.tasks.domain.lifecycle.exchange import Exchange
from services.tasks.domain.lifecycle.lane_workers import STANDBY_REASONS
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.domain.lifecycle.worker_stream import Answer, End, Failure, HandBack, Outgoing, WorkerStream
from services.tasks.domain.order.joined_workers import JoinedWorkers, require_own_name
from services.tasks.domain.plan import operations_of
from services.tasks.files_client import input_file
from services.tasks.model import Task
from services.tasks.model.records import Completion, Standing
from services.tasks.surfaces.rendering import duration, state_number

RAN_ON_STANDBY = "ran_on_standby_worker"
"""The kind of notice of a task that a worker on standby has run."""

Requests = AsyncIterator[attempt_service_pb2.ExchangeRequest]


class InternalAttempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Attempts, and the state of tasks."""

    def __init__(
        self,
        attempts: Attempts,
        exchange: Exchange,
        later: LaterFetching,
        delivering: Delivering,
        recent: RecentOutputs,
        joined: JoinedWorkers,
    ) -> None:
        self._attempts, self._exchange, self._later, self._delivering = attempts, exchange, later, delivering
        self._recent, self._joined = recent, joined

    async def Exchange(self, request_iterator: Requests, context: Context) -> None:  # type: ignore[override]  # it writes to the context
        """Serve a worker on a lane until one of both ends the stream."""
        first = await anext(request_iterator, None)
        if first is None:
            return
        if (joined := current_identity().worker) is not None:
            require_own_name(joined, first.worker, "worker")
        stream = self._exchange.open(first.lane, first.worker, standby=first.standby, takes_short_runs=first.takes_short_runs)
        stream.joined, stream.opens_files = joined, first.opens_files
        helpers = [
            asyncio.create_task(_read(first, request_iterator, stream, self._recent)),
            asyncio.create_task(self._exchange.until_stopped(stream)),
        ]
        try:
            while (outgoing := await stream.outgoing()) is not None:
                if outgoing.admissions or outgoing.answers or not outgoing.short_runs:
                    await context.write(self._response(outgoing))
                for message in outgoing.short_runs:
                    message.moment = outgoing.moment
                    await context.write(message)
            if helpers[0].done():
                helpers[0].result()
        finally:
            stream.end()
            for helper in helpers:
                helper.cancel()

    async def FetchInputs(
        self, request: attempt_service_pb2.FetchInputsRequest, context: Context
    ) -> attempt_service_pb2.FetchInputsResponse:
        """Complete the inputs of a task."""
        with bind(task_id=request.task_id):
            inputs = await self._later.fetch(request.task_id, request.attempt) if await self._is_held(request) else None
        return attempt_service_pb2.FetchInputsResponse(current=inputs is not None, input_file_ids=inputs)

    async def DeliverOutputs(
        self, request: attempt_service_pb2.DeliverOutputsRequest, context: Context
    ) -> attempt_service_pb2.DeliverOutputsResponse:
        """Copy the results of an attempt to the task's destination."""
        with bind(task_id=request.task_id):
            current = await self._is_held(request) and await self._delivering.deliver(
                request.task_id, request.attempt, request.output_file_ids
            )
        return attempt_service_pb2.DeliverOutputsResponse(current=current)

    async def Heartbeat(self, request: attempt_service_pb2.HeartbeatRequest, context: Context) -> attempt_service_pb2.HeartbeatResponse:
        """Renew a lease."""
        with bind(task_id=request.task_id):
            current = await self._is_held(request) and await self._attempts.heartbeat(
                request.task_id, request.attempt, request.progress, request.message
            )
        return attempt_service_pb2.HeartbeatResponse(current=current)

    async def ReportWorker(
        self, request: attempt_service_pb2.ReportWorkerRequest, context: Context
    ) -> attempt_service_pb2.ReportWorkerResponse:
        """Tell others what a worker from another machine says."""
        caller = current_identity().worker
        if caller is None:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This method is for workers that have joined from other machines.")
        if request.ended:
            await self._joined.leave(caller, request.worker.name)
        else:
            await self._joined.report(caller, request.worker, request.bundles_json)
        return attempt_service_pb2.ReportWorkerResponse()

    async def LookupTasks(
        self, request: attempt_service_pb2.LookupTasksRequest, context: Context
    ) -> attempt_service_pb2.LookupTasksResponse:
        """Return the state of tasks."""
        standings = await self._attempts.standings(request.task_ids)
        return attempt_service_pb2.LookupTasksResponse(tasks=map(_standing, standings))

    async def _is_held(
        self,
        request: attempt_service_pb2.HeartbeatRequest | attempt_service_pb2.FetchInputsRequest | attempt_service_pb2.DeliverOutputsRequest,
    ) -> bool:
        """Whether the caller may have the attempt: one that has joined has those alone that it was given."""
        caller = current_identity().worker
        return caller is None or bool(await self._attempts.held_by(caller, [(request.task_id, request.attempt)]))

    def _response(self, outgoing: Outgoing) -> attempt_service_pb2.ExchangeResponse:
        admissions = [self._admission(task, outgoing.standby.get(task.id)) for task in outgoing.admissions]
        response = attempt_service_pb2.ExchangeResponse(
            admissions=admissions, answers=map(_answer, outgoing.answers), moment=outgoing.moment
        )
        if outgoing.admissions:
            response.lease.CopyFrom(duration(self._attempts.first_lease))
            response.heartbeat_interval.CopyFrom(duration(self._attempts.rules.heartbeat_interval))
        return response

    def _admission(self, task: Task, standby: str | None) -> attempt_service_pb2.Admission:
        assert task.run_id is not None
        origin = Origin.parse(task.trace_id)
        return attempt_service_pb2.Admission(
            run_id=task.run_id.bytes,
            task_id=task.id,
            attempt=task.attempt,
            account_id=task.account_id,
            input_file_ids=task.input_file_ids,
            operations=operations_of(task),
            last=self._attempts.is_last(task),
            later_inputs=len(task.later_inputs),
            trace_id=origin.request_id,
            trace_parent=origin.trace_parent,
            surface=task.surface,
            notices=[_standby_notice(standby)] if standby else (),
            has_destination=bool(task.destination),
        )


def _standby_notice(standby: str) -> task_pb2.Notice:
    message, details = f"A slower worker ran this because {standby}.", json.dumps(STANDBY_REASONS.read(standby))
    return task_pb2.Notice(code=RAN_ON_STANDBY, message=message, details_json=details)


async def _read(first: attempt_service_pb2.ExchangeRequest, requests: Requests, stream: WorkerStream, recent: RecentOutputs) -> None:
    """Take in what the worker says until it has said everything."""
    try:
        _hear(first, stream, recent)
        async for request in requests:
            _hear(request, stream, recent)
    finally:
        stream.end()


def _hear(request: attempt_service_pb2.ExchangeRequest, stream: WorkerStream, recent: RecentOutputs) -> None:
    # Before the end is reported to waiting callers. One that has joined need not hold these attempts.
    if stream.joined is None:
        recent.keep(input_file(file) for end in request.ends for file in end.success.outputs)
    stream.hear(
        free=[UUID(bytes=run_id) for run_id in request.free],
        again=[UUID(bytes=run_id) for run_id in request.again],
        ends=[_end(end) for end in request.ends],
        draining=request.draining,
        moment=request.moment,
        short_run_ends=request.short_run_ends,
    )


def _end(end: attempt_service_pb2.AttemptEnd) -> End:
    how: Completion | Failure | HandBack
    match end.WhichOneof("end"):
        case "success":
            notices = [notice.SerializeToString() for notice in end.success.notices]
            how = Completion(
                end.task_id,
                end.attempt,
                list(end.success.output_file_ids),
                end.success.copies,
                notices,
                list(end.success.operation_bytes),
                end.success.unchanged,
            )
        case "failure":
            failure = end.failure
            how = Failure(
                ErrorReason.from_number(failure.reason), failure.message, failure.retry_after.ToTimedelta(), list(failure.operation_bytes)
            )
        case _:
            how = HandBack(ErrorReason.from_number(end.handed_back.reason), end.handed_back.message)
    return End(end.task_id, end.attempt, how)


def _answer(answer: Answer) -> attempt_service_pb2.EndAnswer:
    return attempt_service_pb2.EndAnswer(task_id=answer.task_id, attempt=answer.attempt, accepted=answer.is_accepted)


def _standing(standing: Standing) -> attempt_service_pb2.TaskStanding:
    """The state of a task, for other services."""
    return attempt_service_pb2.TaskStanding(
        task_id=standing.id, state=state_number(standing.state), output_file_ids=standing.output_file_ids
    )
