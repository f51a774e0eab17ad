"""The worker's client of the tasks service, and the reasons for failures that it reports."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration

from darkroom.files.v1 import file_pb2
from darkroom.internal.system.v1 import part_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1.attempt_service_pb2_grpc import AttemptServiceStub
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason, from_rpc, translate_rpc_errors
from services.platform.log import get_logger
from services.platform.object_http import ObjectHttpError
from services.platform.rpc.channel import Caller
from services.platform.sandbox import SandboxCrashed, SandboxLost, SandboxOutOfMemory, SandboxTimedOut

_logger = get_logger()


def failure_of(error: Exception) -> DarkroomError:
    """The public reason and message for the exception that ended an attempt. UNAVAILABLE means that another attempt may succeed."""
    failure: DarkroomError
    match error:
        case DarkroomError():
            failure = error
        case grpc.aio.AioRpcError():
            failure = from_rpc(error)
        case ObjectHttpError():
            _logger.warning("object_storage_failed", error=repr(error))
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "Object storage cannot be reached. Try again later.")
        case MemoryError():
            _logger.warning("out_of_memory", exc_info=error)
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "The worker ran out of memory.")
        case OSError(errno=errno.ENOSPC):
            _logger.error("work_dir_full", error=repr(error))
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "The worker ran out of disk space.")
        case SandboxTimedOut():
            failure = DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "Reading the file takes more time than is allowed.")
        case SandboxOutOfMemory():
            failure = DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "Reading the file takes more memory than is allowed.")
        case SandboxLost():
            _logger.warning("sandbox_lost", error=str(error))
            failure = DarkroomError(ErrorReason.UNAVAILABLE, "The worker had to end what reads the file.")
        case SandboxCrashed():
            _logger.warning("sandbox_crashed", error=str(error))
            failure = DarkroomError(ErrorReason.FILE_CORRUPT, "The file cannot be read: it is damaged, or too large to be handled.")
        case _:
            _logger.error("attempt_unhandled", exc_info=error)
            failure = DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the task's id when you report it.")
    return failure


_SECONDS = 5.0
_FETCH_SECONDS = 180.0
"""For each input: longer than it may wait for its turn and be on its way. The lease ends it earlier."""
_DELIVERY_SECONDS = 1800.0
"""For all results together. The lease ends it earlier."""
_LONGEST_MESSAGE = 500
_MOST_FILES = 10
_LONGEST_PAUSE_SECONDS = 86_400

Report = Callable[[pb.AttemptEnd], Awaitable[bool]]
"""Reports an attempt's end on its lane's stream; returns whether it was still the current attempt."""


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
    report: Report
    last: bool = False
    """No further attempt follows this one."""
    later_inputs: int = 0
    """How many inputs must be fetched before the task is run; `input_file_ids` lacks them."""
    surface: str = ""
    """Name of the API that created the task."""
    notices: tuple[task_pb2.Notice, ...] = ()
    """The service's notices for the owner; reported with a success."""
    has_destination: bool = False
    """Whether the results go to a storage of the operator as well, before the success is reported."""

    @classmethod
    def of(cls, admission: pb.Admission, response: pb.ExchangeResponse, report: Report) -> Admission:
        """The content of a message of the service."""
        return cls(
            task_id=admission.task_id,
            attempt=admission.attempt,
            account_id=admission.account_id,
            input_file_ids=tuple(admission.input_file_ids),
            operations=tuple(admission.operations),
            lease_seconds=_seconds(response.lease),
            heartbeat_seconds=_seconds(response.heartbeat_interval),
            report=report,
            last=admission.last,
            later_inputs=admission.later_inputs,
            surface=admission.surface,
            notices=tuple(admission.notices),
            has_destination=admission.has_destination,
        )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


class AttemptClient:
    """`darkroom.internal.tasks.v1.AttemptService`, with its errors as DarkroomError. Every call may be repeated.

    `channel` repeats calls by itself, `streams` does not: what is said on a stream is repeated by `Exchange`.
    """

    def __init__(self, channel: grpc.aio.Channel, streams: grpc.aio.Channel, caller: Caller, worker: str, *, on_this_machine: bool) -> None:
        self._stub, self._streams = AttemptServiceStub(channel), AttemptServiceStub(streams)
        self._caller = caller
        self.worker, self.on_this_machine = worker, on_this_machine

    def exchange(self) -> grpc.aio.StreamStreamCall[pb.ExchangeRequest, pb.ExchangeResponse]:
        """Open a stream."""
        stream: grpc.aio.StreamStreamCall[pb.ExchangeRequest, pb.ExchangeResponse]
        stream = self._streams.Exchange(metadata=self._caller.on_behalf_of(0))
        return stream

    async def fetch_inputs(self, admission: Admission) -> tuple[int, ...] | None:
        """All inputs, once the missing ones have been fetched; None if the attempt must stop. Raises what makes the task fail."""
        request = pb.FetchInputsRequest(task_id=admission.task_id, attempt=admission.attempt)
        with translate_rpc_errors():
            reply = await self._stub.FetchInputs(
                request, metadata=self._metadata(admission), timeout=_FETCH_SECONDS * admission.later_inputs
            )
        return tuple(reply.input_file_ids) if reply.current else None

    async def deliver(self, admission: Admission, outputs: Sequence[int]) -> bool:
        """Have finalized outputs copied to the destination of the task; False if the attempt must stop. Raises what makes the task fail."""
        request = pb.DeliverOutputsRequest(task_id=admission.task_id, attempt=admission.attempt, output_file_ids=outputs)
        with translate_rpc_errors():
            reply = await self._stub.DeliverOutputs(request, metadata=self._metadata(admission), timeout=_DELIVERY_SECONDS)
        return reply.current

    async def heartbeat(self, admission: Admission, done: float, message: str, timeout: float) -> bool:
        """Renew the lease; False if the attempt must stop."""
        request = pb.HeartbeatRequest(task_id=admission.task_id, attempt=admission.attempt, progress=done, message=message)
        with translate_rpc_errors():
            reply = await self._stub.Heartbeat(request, metadata=self._metadata(admission), timeout=min(timeout, _SECONDS))
        return reply.current

    async def report_worker(self, worker: part_pb2.Worker, bundles_json: str = "", *, ended: bool = False) -> None:
        """Say how this worker is, which has joined from another machine, or that it has ended."""
        request = pb.ReportWorkerRequest(worker=worker, bundles_json=bundles_json, ended=ended)
        with translate_rpc_errors():
            await self._stub.ReportWorker(request, metadata=self._caller.on_behalf_of(0), timeout=_SECONDS)

    async def complete(
        self,
        admission: Admission,
        outputs: Sequence[int],
        copies: int,
        notices: Sequence[task_pb2.Notice],
        files: Sequence[file_pb2.File] = (),
        operation_bytes: Sequence[int] = (),
        *,
        unchanged: int = 0,
    ) -> bool:
        """Report success; False if the attempt had already ended otherwise. The last `copies` of the outputs repeat the others, and
        `unchanged` of the others are their inputs as they were. `files` is what is known of outputs; of many it is left out."""
        success = pb.AttemptSuccess(
            output_file_ids=outputs, copies=copies, notices=notices, operation_bytes=operation_bytes, unchanged=unchanged
        )
        if len(files) <= _MOST_FILES:
            success.outputs.extend(files)
        return await admission.report(pb.AttemptEnd(task_id=admission.task_id, attempt=admission.attempt, success=success))

    async def fail(
        self, admission: Admission, error: DarkroomError, *, handed_back: bool = False, operation_bytes: Sequence[int] = ()
    ) -> bool:
        """Report failure, with the delay before a further attempt if the error gives one; False if the attempt had already ended otherwise.
        With `handed_back` nothing failed, but this worker is stopping."""
        failure = pb.AttemptFailure(reason=error.reason.number, message=error.message[:_LONGEST_MESSAGE], operation_bytes=operation_bytes)
        if error.retry_after is not None:
            failure.retry_after.FromSeconds(min(max(0, error.retry_after), _LONGEST_PAUSE_SECONDS))
        end = pb.AttemptEnd(task_id=admission.task_id, attempt=admission.attempt)
        (end.handed_back if handed_back else end.failure).CopyFrom(failure)
        return await admission.report(end)

    @staticmethod
    def handed_back(task_id: int, attempt: int) -> pb.AttemptEnd:
        """The report that a task came when there was no place for it."""
        failure = pb.AttemptFailure(reason=ErrorReason.UNAVAILABLE.number, message="The worker had no slot for the task; it runs again.")
        return pb.AttemptEnd(task_id=task_id, attempt=attempt, handed_back=failure)

    def _metadata(self, admission: Admission) -> tuple[tuple[str, str], ...]:
        return self._caller.on_behalf_of(admission.account_id)
