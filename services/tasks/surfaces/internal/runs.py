"""`RunService` and `DepartureService` of `darkroom.internal.tasks.v1`: the calls of the gateway and of accounts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import departure_service_pb2, departure_service_pb2_grpc, run_service_pb2_grpc
from darkroom.internal.tasks.v1 import run_service_pb2 as pb
from services.pictures.offers import Offers
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import current_identity
from services.platform.rpc.held_files import held_file
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.model import Task
from services.tasks.model.media import InputFile, InputUrl
from services.tasks.model.pipeline import Viewer
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.rendering import error_message, notices_of, state_number

Counted = Callable[[], Awaitable[Mapping[tuple[str, str], int]]]
"""Numbers of open tasks, by lane and state."""
_RUNNING = "running"
_RUN = "/darkroom.internal.tasks.v1.RunService/Run"
_ENDED = (ErrorReason.TASK_NOT_FOUND, ErrorReason.TASK_ALREADY_TERMINAL)


class InternalRuns(run_service_pb2_grpc.RunServiceServicer):
    """Tasks of the account that the gateway acts for."""

    def __init__(self, parts: SurfaceParts, recent: RecentOutputs, counted: Counted, offers: Offers) -> None:
        self._acceptance, self._tasks, self._watching, self._files = parts.acceptance, parts.tasks, parts.watching, parts.files
        self._pipelines = parts.pipelines
        self._recent, self._counted, self._offers = recent, counted, offers
        self._abandoned: set[asyncio.Task[None]] = set()

    async def Run(self, request: pb.RunRequest, context: Context) -> pb.RunResponse:
        """Create a task and wait for its end."""
        identity = current_identity()
        task, inputs = await self._acceptance.create_with_files(
            TaskRequest(
                account_id=identity.account_id,
                operations=request.operations,
                input_file_ids=request.input_file_ids,
                input_fields=[f"input_file_ids[{index}]" for index in range(len(request.input_file_ids))],
                later_urls=[InputUrl(request.input_url, "input_url")] if request.input_url else [],
                saved=self._pipelines.to_run(Viewer(identity.account_id, "", True), request.pipeline_id),
                destination=request.destination,
                trace_id=str(Origin.current()),
                idempotency=_named(request, identity.account_id),
                looks_first=request.shared,
                fails_in_place=request.fails_in_place,
                surface=request.surface,
                client_request=request.kept.encode(),
                held=held_file(request),
                is_awaited=request.wait_seconds > 0,
            )
        )
        try:
            task = await self._watching.wait(identity, task.id, request.wait_seconds, known=task)
        except asyncio.CancelledError:
            if not request.shared:
                self._abandoned.add(leaving := asyncio.create_task(self._abandon(identity.account_id, task.id)))
                leaving.add_done_callback(self._abandoned.discard)
            raise
        return pb.RunResponse(run=await self._run(task, inputs))

    async def OpenRun(self, request: pb.OpenRunRequest, context: Context) -> pb.OpenRunResponse:
        """Wait for the end of a run, or for its next event."""
        after = request.after_sequence if request.HasField("after_sequence") else None
        task = await self._watching.wait(current_identity(), request.task_id, request.wait_seconds, after)
        return pb.OpenRunResponse(run=await self._run(task))

    async def CountTasks(self, request: pb.CountTasksRequest, context: Context) -> pb.CountTasksResponse:
        """How busy the installation is."""
        tasks = await self._counted()
        running = sum(number for (_lane, state), number in tasks.items() if state == _RUNNING)
        return pb.CountTasksResponse(running=running, waiting=sum(tasks.values()) - running, gpu=await self._offers.gpu())

    async def AbandonRun(self, request: pb.AbandonRunRequest, context: Context) -> pb.AbandonRunResponse:
        """Cancel a run that nobody waits for."""
        await self._abandon(current_identity().account_id, request.task_id)
        return pb.AbandonRunResponse()

    async def _abandon(self, account_id: int, task_id: int) -> None:
        try:
            await self._tasks.cancel(account_id, task_id)
        except DarkroomError as error:
            if error.reason not in _ENDED:
                raise

    async def _run(self, task: Task, inputs: Mapping[int, InputFile] = MappingProxyType({})) -> pb.Run:
        """A task with its files; given `inputs` are not looked up."""
        files = {**inputs, **self._recent.find(task.output_file_ids)}
        unknown = [file_id for file_id in (*task.input_file_ids, *task.output_file_ids) if file_id not in files]
        if unknown:
            files |= await self._files.describe(task.account_id, unknown)
        kept = ""
        with suppress(UnicodeDecodeError):
            # Another surface may keep something else.
            kept = task.client_request.decode()
        return pb.Run(
            task_id=task.id,
            state=state_number(task.state),
            error=error_message(task.error_reason, task.error_message),
            notices=notices_of(task),
            inputs=[_file(files[file_id]) for file_id in task.input_file_ids if file_id in files],
            outputs=[_file(files[file_id]) for file_id in task.output_file_ids if file_id in files],
            kept=kept,
            last_sequence=task.last_sequence,
            progress=task.progress,
            progress_message=task.progress_message,
            operation_bytes=task.operation_bytes,
        )


def _named(request: pb.RunRequest, account_id: int) -> IdempotentCall | None:
    if not request.name:
        return None
    same = pb.RunRequest(
        input_file_ids=request.input_file_ids,
        operations=request.operations,
        surface=request.surface,
        input_url=request.input_url,
        destination=request.destination,
        pipeline_id=request.pipeline_id,
    )
    return IdempotentCall(account_id, _RUN, request.name, hashlib.sha256(same.SerializeToString(deterministic=True)).digest())


def _file(file: InputFile) -> file_pb2.File:
    size = file.image_size
    return file_pb2.File(
        id=file.id,
        name=file.name,
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        image=file_pb2.ImageInfo(width=size[0], height=size[1]) if size is not None else None,
        document=file_pb2.DocumentInfo(pages=file.pages) if file.pages is not None else None,
    )


class InternalDepartures(departure_service_pb2_grpc.DepartureServiceServicer):
    """The data of removed people of the account in the service token."""

    def __init__(self, pipelines: SavedPipelines) -> None:
        self._pipelines = pipelines

    async def ClearPipelines(
        self, request: departure_service_pb2.ClearPipelinesRequest, context: Context
    ) -> departure_service_pb2.ClearPipelinesResponse:
        """Delete all that somebody has saved."""
        await self._pipelines.clear(current_identity().account_id, request.owner_id)
        return departure_service_pb2.ClearPipelinesResponse()
