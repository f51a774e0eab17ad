"""The two boundaries of a worker, as the tests see them: tasks, which admits and hears of attempts, and files, which signs URLs.

They speak real gRPC on the internal listener of services.common; storage, queue and model server behind and beside them are real.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
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
from services.common.errors import DarkroomError, ErrorReason
from services.common.identity import current_identity
from tests.component.inference.storage import Bucket

ACCOUNT = 7_001
Context = grpc.aio.ServicerContext[Any, Any]


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
    starts: list[tasks_pb.StartAttemptRequest] = field(default_factory=list)
    heartbeats: list[tasks_pb.HeartbeatRequest] = field(default_factory=list)
    completed: tasks_pb.CompleteAttemptRequest | None = None
    failed: tasks_pb.FailAttemptRequest | None = None

    @property
    def reported(self) -> bool:
        return self.completed is not None or self.failed is not None

    def again(self, *, last: bool = False) -> None:
        """Let the task have another attempt, as after a failure that may pass or a lost worker."""
        self.attempt += 1
        self.current, self.last, self.completed, self.failed = True, last, None, None
        self.starts.clear()


class TasksDouble(AttemptServiceServicer):
    """Admits each task once and remembers what was reported. `changed` wakes those who wait for something."""

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}
        self.changed = asyncio.Condition()
        self.heartbeat_seconds = 0.2
        self.lease_seconds = 30.0
        self.unreachable = False
        self._refusals: Counter[str] = Counter()

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

    async def StartAttempt(self, request: tasks_pb.StartAttemptRequest, context: Context) -> tasks_pb.StartAttemptResponse:  # noqa: N802
        task = self.tasks.get(request.task_id)
        if task is not None:
            task.starts.append(request)
        await self._admit("StartAttempt")
        await self._notify()
        if task is None or request.run_id != task.starts[0].run_id or task.reported:
            return tasks_pb.StartAttemptResponse(admitted=False)
        return tasks_pb.StartAttemptResponse(
            admitted=True,
            attempt=task.attempt,
            account_id=ACCOUNT,
            input_file_ids=task.inputs,
            operations=task.operations,
            lease=_duration(self.lease_seconds),
            heartbeat_interval=_duration(self.heartbeat_seconds),
            last=task.last,
            later_inputs=len(task.later),
        )

    async def FetchInputs(self, request: tasks_pb.FetchInputsRequest, context: Context) -> tasks_pb.FetchInputsResponse:  # noqa: N802
        assert current_identity().account_id == ACCOUNT
        task = self.tasks[request.task_id]
        if task.fetching_fails is not None:
            raise task.fetching_fails
        return tasks_pb.FetchInputsResponse(current=task.current, input_file_ids=[*task.inputs, *task.later])

    async def StartAttempts(self, request: tasks_pb.StartAttemptsRequest, context: Context) -> tasks_pb.StartAttemptsResponse:  # noqa: N802
        return tasks_pb.StartAttemptsResponse(responses=[await self.StartAttempt(one, context) for one in request.requests])

    async def Heartbeat(self, request: tasks_pb.HeartbeatRequest, context: Context) -> tasks_pb.HeartbeatResponse:  # noqa: N802
        await self._admit("Heartbeat")
        task = self.tasks[request.task_id]
        task.heartbeats.append(request)
        # Before those who wait for this heartbeat are woken: it is the next one that they change the answer of.
        current = task.current
        await self._notify()
        return tasks_pb.HeartbeatResponse(current=current)

    async def CompleteAttempts(self, request: tasks_pb.CompleteAttemptsRequest, context: Context) -> tasks_pb.CompleteAttemptsResponse:  # noqa: N802
        return tasks_pb.CompleteAttemptsResponse(responses=[await self._complete(one) for one in request.requests])

    async def CompleteAttempt(self, request: tasks_pb.CompleteAttemptRequest, context: Context) -> tasks_pb.CompleteAttemptResponse:  # noqa: N802
        assert current_identity().account_id == ACCOUNT
        return await self._complete(request)

    async def _complete(self, request: tasks_pb.CompleteAttemptRequest) -> tasks_pb.CompleteAttemptResponse:
        await self._admit("CompleteAttempt")
        self.tasks[request.task_id].completed = request
        await self._notify()
        return tasks_pb.CompleteAttemptResponse(accepted=True)

    async def FailAttempt(self, request: tasks_pb.FailAttemptRequest, context: Context) -> tasks_pb.FailAttemptResponse:  # noqa: N802
        await self._admit("FailAttempt")
        self.tasks[request.task_id].failed = request
        await self._notify()
        return tasks_pb.FailAttemptResponse(accepted=True)


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
