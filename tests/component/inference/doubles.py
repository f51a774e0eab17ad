"""The two boundaries of a worker, as the tests see them: tasks, which admits and hears of attempts, and files, which signs URLs.

They speak real gRPC on the internal listener of services.platform; storage, queue and model server behind and beside them are real.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from darkroom.files.v1 import file_pb2
from darkroom.internal.files.v1 import storage_service_pb2 as files_pb
from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceServicer
from darkroom.internal.tasks.v1 import attempt_service_pb2 as tasks_pb
from darkroom.internal.tasks.v1.attempt_service_pb2_grpc import AttemptServiceServicer
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from tests.component.inference.storage import Bucket

ACCOUNT = 7_001
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Completed:
    """A report of success."""

    attempt: int
    output_file_ids: Sequence[int]
    notices: Sequence[task_pb2.Notice]
    copies: int
    unchanged: int = 0


@dataclass
class Task:
    """A task, and everything that was said about it."""

    id: int
    operations: Sequence[operation_pb2.Operation]
    inputs: Sequence[int]
    current: bool = True
    attempt: int = 1
    last: bool = False
    later: Sequence[int] = ()
    """Inputs that it has once they have been fetched, or nothing if that fails."""
    fetching_fails: DarkroomError | None = None
    notices: Sequence[task_pb2.Notice] = ()
    """What its owner should know about who runs it."""
    starts: list[bytes] = field(default_factory=list)
    """The slots that it was given to."""
    heartbeats: list[tasks_pb.HeartbeatRequest] = field(default_factory=list)
    completed: Completed | None = None
    failed: tasks_pb.AttemptFailure | None = None
    handed_back: bool = False

    @property
    def reported(self) -> bool:
        return self.completed is not None or self.failed is not None

    def again(self, *, last: bool = False) -> None:
        """Let the task have another attempt, as after a failure that may pass or a lost worker."""
        self.attempt += 1
        self.current, self.last, self.completed, self.failed, self.handed_back = True, last, None, None, False
        self.starts.clear()


@dataclass(eq=False)
class _Worker:
    """A worker's stream."""

    lane: str = ""
    name: str = ""
    moment: int = 0
    draining: bool = False
    standby: bool = False
    free: list[bytes] = field(default_factory=list)
    outgoing: asyncio.Queue[tasks_pb.ExchangeResponse | None] = field(default_factory=asyncio.Queue)
    """None: the stream breaks."""


class TasksDouble(AttemptServiceServicer):
    """Gives each task to a free slot and remembers what was reported. `changed` wakes those who wait for something."""

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}
        self.changed = asyncio.Condition()
        self.heartbeat_seconds = 0.2
        self.lease_seconds = 30.0
        self.late_moments = 0
        """By how many milliseconds the moments of admissions lie in the past."""
        self.silent = False
        """Whether what is said on streams gets lost."""
        self.workers: list[_Worker] = []
        self.opened = 0
        self._waiting: dict[str, list[Task]] = {}
        self._unreachable = False
        self._refusals: Counter[str] = Counter()

    @property
    def unreachable(self) -> bool:
        """Whether calls are refused and streams break."""
        return self._unreachable

    @unreachable.setter
    def unreachable(self, unreachable: bool) -> None:
        self._unreachable = unreachable
        if unreachable:
            self.cut()

    def cut(self) -> None:
        """Break all streams."""
        for worker in self.workers:
            worker.outgoing.put_nowait(None)

    def queue(self, lane: str, task: Task) -> None:
        """Let a task wait for a slot of a lane."""
        self._waiting.setdefault(lane, []).append(task)
        self._give(lane)

    def slots(self, lane: str) -> int:
        """How many slots of a lane are free."""
        return sum(len(worker.free) for worker in self.workers if worker.lane == lane)

    async def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for what a worker has yet to say; fails when it does not for that long."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(true)

    async def refused(self, method: str, count: int) -> None:
        """Wait until a method was answered with UNAVAILABLE so many more times."""
        wanted = self._refusals[method] + count
        await self.until(lambda: self._refusals[method] >= wanted)

    async def _admit(self, method: str) -> None:
        if self.unreachable:
            self._refusals[method] += 1
            await self._notify()
            raise DarkroomError(ErrorReason.UNAVAILABLE, "away")

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def Exchange(  # noqa: N802
        self, request_iterator: AsyncIterator[tasks_pb.ExchangeRequest], context: Context
    ) -> AsyncIterator[tasks_pb.ExchangeResponse]:
        await self._admit("Exchange")
        worker = _Worker()
        self.workers.append(worker)
        self.opened += 1
        reading = asyncio.create_task(self._read(worker, request_iterator))
        try:
            while (response := await worker.outgoing.get()) is not None:
                yield response
            raise DarkroomError(ErrorReason.UNAVAILABLE, "cut")
        finally:
            reading.cancel()
            self.workers.remove(worker)
            await self._notify()

    async def _read(self, worker: _Worker, requests: AsyncIterator[tasks_pb.ExchangeRequest]) -> None:
        async for request in requests:
            if self.silent:
                continue
            worker.lane, worker.name = worker.lane or request.lane, worker.name or request.worker
            worker.moment, worker.draining = request.moment, request.draining
            worker.standby = worker.standby or request.standby
            for end in request.ends:
                self._end(end)
                answer = tasks_pb.EndAnswer(task_id=end.task_id, attempt=end.attempt, accepted=True)
                worker.outgoing.put_nowait(tasks_pb.ExchangeResponse(answers=[answer], moment=worker.moment))
            for run_id in request.again:
                given = [task for task in self.tasks.values() if run_id in task.starts and not task.reported]
                self._send(worker, given[0], run_id) if given else worker.free.append(run_id)
            if request.draining:
                worker.free.clear()
            worker.free += request.free
            if not (request.ends or request.again or request.free) or request.draining:
                worker.outgoing.put_nowait(tasks_pb.ExchangeResponse(moment=worker.moment))
            self._give(worker.lane)
            await self._notify()
        worker.outgoing.put_nowait(None)

    def _end(self, end: tasks_pb.AttemptEnd) -> None:
        task = self.tasks[end.task_id]
        match end.WhichOneof("end"):
            case "success":
                success = end.success
                task.completed = Completed(end.attempt, success.output_file_ids, success.notices, success.copies, success.unchanged)
            case "failure":
                task.failed = end.failure
            case _:
                task.failed, task.handed_back = end.handed_back, True

    def _give(self, lane: str) -> None:
        for worker in self.workers:
            while worker.lane == lane and worker.free and self._waiting.get(lane):
                task, run_id = self._waiting[lane].pop(0), worker.free.pop(0)
                task.starts.append(run_id)
                self._send(worker, task, run_id)

    def _send(self, worker: _Worker, task: Task, run_id: bytes) -> None:
        admission = tasks_pb.Admission(
            run_id=run_id,
            task_id=task.id,
            attempt=task.attempt,
            account_id=ACCOUNT,
            input_file_ids=task.inputs,
            operations=task.operations,
            last=task.last,
            later_inputs=len(task.later),
            trace_id=f"trace-{task.id}",
            notices=task.notices,
        )
        response = tasks_pb.ExchangeResponse(
            admissions=[admission],
            moment=worker.moment - self.late_moments,
            lease=_duration(self.lease_seconds),
            heartbeat_interval=_duration(self.heartbeat_seconds),
        )
        worker.outgoing.put_nowait(response)

    async def FetchInputs(self, request: tasks_pb.FetchInputsRequest, context: Context) -> tasks_pb.FetchInputsResponse:  # noqa: N802
        assert current_identity().account_id == ACCOUNT
        task = self.tasks[request.task_id]
        if task.fetching_fails is not None:
            raise task.fetching_fails
        return tasks_pb.FetchInputsResponse(current=task.current, input_file_ids=[*task.inputs, *task.later])

    async def Heartbeat(self, request: tasks_pb.HeartbeatRequest, context: Context) -> tasks_pb.HeartbeatResponse:  # noqa: N802
        await self._admit("Heartbeat")
        task = self.tasks[request.task_id]
        task.heartbeats.append(request)
        # Before those who wait for this heartbeat are woken: it is the next one that they change the answer of.
        current = task.current
        await self._notify()
        return tasks_pb.HeartbeatResponse(current=current)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(int(seconds * 1000))
    return duration


@dataclass
class StoredFile:
    """A file's record and object."""

    record: file_pb2.File
    key: str
    etag: str = ""
    finalized: bool = False
    content: bytes = b""
    """Of an input that the service still has in memory."""
    kept: tuple[int, str] | None = None
    """Task and key of what is no result."""


class FilesDouble(StorageServiceServicer):
    """Keeps records in memory and objects in a real bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self.files: dict[int, StoredFile] = {}
        self._bucket = bucket
        self._ids = itertools.count(100)
        self._uploads: dict[int, str] = {}
        self.part_bytes = 5 << 20
        self.takes_contents = True
        """Whether outputs are stored with the call that creates them, which the version before does not know."""
        self.signed_from: list[int] = []

    async def add(self, name: str, media_type: str, content: bytes, *, pages: int = 0, **parameters: str) -> int:
        """Upload an input, as accepted. `parameters` are those of S3's PutObject."""
        file_id = next(self._ids)
        record = file_pb2.File(id=file_id, name=name, media_type=media_type, size_bytes=len(content))
        if pages:
            record.document.pages = pages
        stored = StoredFile(record, f"inputs/{file_id}")
        stored.etag = await self._bucket.put(stored.key, content, **parameters)
        self.files[file_id] = stored
        return file_id

    async def replace(self, file_id: int, content: bytes) -> None:
        """Overwrite an input's object after it was accepted."""
        await self._bucket.put(self.files[file_id].key, content)

    async def content(self, file_id: int) -> bytes:
        """The bytes of an output."""
        return await self._bucket.get(self.files[file_id].key)

    async def OpenInputs(self, request: files_pb.OpenInputsRequest, context: Context) -> files_pb.OpenInputsResponse:  # noqa: N802
        assert current_identity().account_id == ACCOUNT
        opened = []
        for file_id in request.file_ids:
            stored = self.files[file_id]
            if stored.content and len(stored.content) <= request.content_bytes:
                opened.append(files_pb.OpenedInput(file=stored.record, etag=stored.etag, content=stored.content))
                continue
            url = await self._bucket.presigned("get_object", stored.key)
            opened.append(files_pb.OpenedInput(file=stored.record, url=url, etag=stored.etag))
        return files_pb.OpenInputsResponse(inputs=opened)

    async def CreateOutputs(self, request: files_pb.CreateOutputsRequest, context: Context) -> files_pb.CreateOutputsResponse:  # noqa: N802
        created = []
        for output in request.outputs:
            file_id = next(self._ids)
            record = file_pb2.File(id=file_id, name=output.name, media_type=output.media_type)
            if output.HasField("image"):
                record.image.CopyFrom(output.image)
            if output.HasField("document"):
                record.document.CopyFrom(output.document)
            stored = StoredFile(record, f"outputs/{file_id}", kept=(request.task_id, output.keep_as) if output.keep_as else None)
            self.files[file_id] = stored
            if output.content and self.takes_contents:
                await self._bucket.put(stored.key, output.content)
                stored.record.size_bytes, stored.finalized = len(output.content), True
                created.append(files_pb.CreatedOutput(file_id=file_id, complete=True))
                continue
            if output.size_bytes > self.part_bytes:
                self._uploads[file_id] = await self._bucket.start_upload(stored.key, output.media_type)
                created.append(files_pb.CreatedOutput(file_id=file_id, part_size_bytes=self.part_bytes))
                continue
            url = await self._bucket.presigned("put_object", stored.key, ContentType=output.media_type)
            created.append(files_pb.CreatedOutput(file_id=file_id, url=url))
        return files_pb.CreateOutputsResponse(outputs=created)

    async def SignOutputParts(self, request: files_pb.SignOutputPartsRequest, context: Context) -> files_pb.SignOutputPartsResponse:  # noqa: N802
        key, upload_id = self.files[request.file_id].key, self._uploads[request.file_id]
        self.signed_from.append(request.first_part)
        # Fewer than asked for, so that the worker asks again.
        numbers = range(request.first_part, request.first_part + 2)
        return files_pb.SignOutputPartsResponse(
            urls=[await self._bucket.presigned("upload_part", key, UploadId=upload_id, PartNumber=number) for number in numbers]
        )

    async def FinalizeOutputs(self, request: files_pb.FinalizeOutputsRequest, context: Context) -> files_pb.FinalizeOutputsResponse:  # noqa: N802
        told = {each.file_id: (each.etag, each.size_bytes) for each in request.stored}
        for file_id in request.file_ids:
            stored = self.files[file_id]
            assert not stored.finalized
            if file_id in self._uploads:
                await self._bucket.join_upload(stored.key, self._uploads[file_id])
            stored.record.size_bytes = len(await self._bucket.get(stored.key))
            if file_id not in self._uploads:
                assert told[file_id] == (await self._bucket.etag(stored.key), stored.record.size_bytes)
            stored.finalized = True
        return files_pb.FinalizeOutputsResponse(files=[self.files[file_id].record for file_id in request.file_ids])

    async def OpenKept(self, request: files_pb.OpenKeptRequest, context: Context) -> files_pb.OpenKeptResponse:  # noqa: N802
        assert current_identity().account_id == ACCOUNT
        kept = []
        for stored in self.files.values():
            if stored.finalized and stored.kept is not None and stored.kept[0] == request.task_id:
                url = await self._bucket.presigned("get_object", stored.key)
                etag = await self._bucket.etag(stored.key)
                kept.append(files_pb.KeptOutput(key=stored.kept[1], output=files_pb.OpenedInput(file=stored.record, url=url, etag=etag)))
        return files_pb.OpenKeptResponse(kept=kept)

    def kept_by(self, task_id: int) -> list[str]:
        """The keys of what the task's attempts have kept."""
        return sorted(file.kept[1] for file in self.files.values() if file.finalized and file.kept is not None and file.kept[0] == task_id)
