"""Making logos: a task turns any picture into a PNG that fits a small square, and leaves nothing behind."""

from __future__ import annotations

import uuid
from functools import partial

from darkroom.internal.tasks.v1 import run_service_pb2, run_service_pb2_grpc
from darkroom.operations.v1 import convert_pb2, operation_pb2, placement_pb2, resize_pb2
from darkroom.tasks.v1 import task_pb2
from services.gateway.contents import Contents
from services.gateway.receiving import Receiver
from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.rpc.channel import Caller

_SIDE = 128
_ENDED = (task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED)
_WAIT_SECONDS, _CALL_SECONDS, _PATIENCE_SECONDS = 60, 150.0, 20.0


class LogoNotMade(DarkroomError):
    """The task has failed or was cancelled; the reason is the task's."""


class LogoMaker:
    """Makes logos of files of any account."""

    def __init__(self, receiver: Receiver, runs: run_service_pb2_grpc.RunServiceAsyncStub, contents: Contents, caller: Caller) -> None:
        self._receiver, self._runs, self._contents, self._caller = receiver, runs, contents, caller

    async def make(self, account_id: int, file_id: int, surface: str) -> bytes:
        """A PNG of a stored file, which is deleted then. Raises what TasksService.CreateTask raises, and LogoNotMade."""
        file_ids = [file_id]
        try:
            run = await self._ended(account_id, file_id, surface)
            file_ids += [output.id for output in run.outputs]
            if run.state != task_pb2.TASK_STATE_SUCCEEDED or not run.outputs:
                reason = ErrorReason.from_number(run.error.reason) if run.error.reason else ErrorReason.CANCELLED
                said = "Internal error." if reason is ErrorReason.INTERNAL else run.error.message
                raise LogoNotMade(reason, said or "The task was cancelled.")
            return await self._contents.read(account_id, run.outputs[0])
        finally:
            await self._receiver.discard(account_id, file_ids)

    async def _ended(self, account_id: int, file_id: int, surface: str) -> run_service_pb2.Run:
        asked = run_service_pb2.RunRequest(
            input_file_ids=[file_id], operations=_operations(), surface=surface, wait_seconds=_WAIT_SECONDS, name=uuid.uuid4().hex
        )
        run = await retry_unavailable(partial(self._begin, account_id, asked), _PATIENCE_SECONDS)
        while run.state not in _ENDED:
            run = await retry_unavailable(partial(self._follow, account_id, run.task_id), _PATIENCE_SECONDS)
        return run

    async def _begin(self, account_id: int, asked: run_service_pb2.RunRequest) -> run_service_pb2.Run:
        with translate_rpc_errors():
            return (await self._runs.Run(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_CALL_SECONDS)).run

    async def _follow(self, account_id: int, task_id: int) -> run_service_pb2.Run:
        asked = run_service_pb2.OpenRunRequest(task_id=task_id, wait_seconds=_WAIT_SECONDS)
        with translate_rpc_errors():
            return (await self._runs.OpenRun(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_CALL_SECONDS)).run


def _operations() -> list[operation_pb2.Operation]:
    """The operations that make a PNG that fits the square."""
    small = resize_pb2.Resize(width=_SIDE, height=_SIDE, fit=placement_pb2.FIT_BOUNDS, without_enlargement=True)
    png = convert_pb2.Convert(format=convert_pb2.PICTURE_FORMAT_PNG, color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True)
    return [operation_pb2.Operation(resize=small), operation_pb2.Operation(convert=png)]
