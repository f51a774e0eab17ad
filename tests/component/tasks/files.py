"""The files service as tasks sees it: doubles at the boundaries of its internal services, behind a real internal listener."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.internal.files.v1 import intake_service_pb2
from darkroom.internal.files.v1 import storage_service_pb2 as pb
from darkroom.internal.files.v1.intake_service_pb2_grpc import IntakeServiceServicer
from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceServicer
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context

_URL_EXPIRES, _FILE_EXPIRES = 1_777_723_200, 1_778_241_600  # seconds; 2026-05-02 and 2026-05-08, 12:00 UTC


class FilesDouble(StorageServiceServicer):
    """Keeps records and pins in memory. `refuse` makes the next uses of a file fail as files itself would."""

    def __init__(self) -> None:
        self.files: dict[int, tuple[int, file_pb2.File]] = {}
        self.pins: dict[int, list[int]] = {}
        self.refuse: dict[int, ErrorReason] = {}
        self.pin_gate = asyncio.Event()
        self.pin_gate.set()
        self.pinning = 0
        self.held: dict[str, bytes] = {}
        """Contents without records, by the names of their objects."""
        self.deleted: list[tuple[int, ...]] = []
        self.away = False

    def add(self, account_id: int, name: str, media_type: str, *, size: tuple[int, int] = (0, 0), pages: int = 0, frames: int = 1) -> int:
        """A READY file."""
        file_id = 5_000 + len(self.files)
        file = file_pb2.File(
            id=file_id,
            name=name,
            media_type=media_type,
            size_bytes=1234,
            state=file_pb2.FILE_STATE_READY,
            expire_time=Timestamp(seconds=_FILE_EXPIRES),
        )
        if pages:
            file.document.pages = pages
        else:
            file.image.width, file.image.height = size
            file.image.frames = frames
        self.files[file_id] = (account_id, file)
        return file_id

    async def Examine(self, request: pb.ExamineRequest, context: Context) -> pb.ExamineResponse:  # noqa: N802
        files, refusals = self._examined(request.file_ids)
        return pb.ExamineResponse(files=files, refusals=refusals)

    async def PinTasks(self, request: pb.PinTasksRequest, context: Context) -> pb.PinTasksResponse:  # noqa: N802
        self.pinning += 1
        await self.pin_gate.wait()
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        files, refusals = self._examined(file_id for task in request.tasks for file_id in task.file_ids)
        refused = {refusal.file_id for refusal in refusals}
        if not (request.all_or_none and refused):
            self.pins |= {task.task_id: list(task.file_ids) for task in request.tasks if refused.isdisjoint(task.file_ids)}
        return pb.PinTasksResponse(files=files, refusals=refusals)

    def _examined(self, file_ids: Iterable[int]) -> tuple[list[file_pb2.File], list[pb.FileRefusal]]:
        files, refusals = [], []
        for file_id in dict.fromkeys(file_ids):
            owner, file = self.files.get(file_id, (None, None))
            if file is None or owner != current_identity().account_id:
                refusals.append(pb.FileRefusal(file_id=file_id, reason=ErrorReason.FILE_NOT_FOUND.number, message="No such file."))
            elif file_id in self.refuse:
                refusals.append(pb.FileRefusal(file_id=file_id, reason=self.refuse[file_id].number, message="Refused."))
            else:
                files.append(file)
        return files, refusals

    async def DescribeFiles(self, request: pb.DescribeFilesRequest, context: Context) -> pb.DescribeFilesResponse:  # noqa: N802
        owned = [self.files[file_id] for file_id in set(request.file_ids) if file_id in self.files]
        return pb.DescribeFilesResponse(files=[file for owner, file in owned if owner == current_identity().account_id])

    async def KeepFiles(self, request: pb.KeepFilesRequest, context: Context) -> pb.KeepFilesResponse:  # noqa: N802
        for file_id in request.file_ids:
            self.files[file_id][1].ClearField("expire_time")
        return pb.KeepFilesResponse()

    async def UnpinTasks(self, request: pb.UnpinTasksRequest, context: Context) -> pb.UnpinTasksResponse:  # noqa: N802
        for task_id in request.task_ids:
            self.pins.pop(task_id, None)
        return pb.UnpinTasksResponse()

    async def DeleteOutputs(self, request: pb.DeleteOutputsRequest, context: Context) -> pb.DeleteOutputsResponse:  # noqa: N802
        if self.away:
            raise DarkroomError(ErrorReason.INTERNAL, "Away.")
        self.deleted.append((current_identity().account_id, request.task_id, *request.file_ids))
        return pb.DeleteOutputsResponse()

    async def StoreRun(self, request: pb.StoreRunRequest, context: Context) -> pb.StoreRunResponse:  # noqa: N802
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        if request.input.file_id in self.refuse:
            raise DarkroomError(self.refuse[request.input.file_id], "Refused.")
        account_id = current_identity().account_id
        for file_id, name, media_type, info, content in (
            (request.input.file_id, request.input.name, request.media_type, request.image, self.held[request.input_content.object_key]),
            (request.input.output_file_id, request.output.name, request.output.media_type, request.output.image, request.output.content),
        ):
            file = file_pb2.File(id=file_id, name=name, media_type=media_type, size_bytes=len(content), image=info)
            self.files[file_id] = (account_id, file)
        assert self.files[request.input.file_id][1].size_bytes == request.input_size_bytes
        return pb.StoreRunResponse(output=files_service_pb2.Download(file=file, url=f"https://storage/{file.id}"))

    async def StoreHeldContent(  # noqa: N802
        self, request: pb.StoreHeldContentRequest, context: Context
    ) -> pb.StoreHeldContentResponse:
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        key = f"held/{len(self.held)}"
        self.held[key] = request.content
        return pb.StoreHeldContentResponse(etag='"held"', object_key=key)

    async def SignDownloads(self, request: pb.SignDownloadsRequest, context: Context) -> pb.SignDownloadsResponse:  # noqa: N802
        owned = [self.files[file_id] for file_id in request.file_ids if file_id in self.files]
        account_id = current_identity().account_id
        return pb.SignDownloadsResponse(
            downloads=[
                files_service_pb2.Download(file=file, url=f"https://storage/{file.id}", expire_time=Timestamp(seconds=_URL_EXPIRES))
                for owner, file in owned
                if owner == account_id
            ]
        )


class IntakeDouble(IntakeServiceServicer):
    """Fetches pictures from the URLs that it knows; of another it says what files would."""

    def __init__(self, files: FilesDouble) -> None:
        self._files = files
        self.known: set[str] = set()
        self.fetched: list[str] = []
        self.pages = 1
        """Of each document."""
        self._of_tasks: dict[tuple[int, int], int] = {}
        self.stored: list[bytes] = []
        self.discarded: list[int] = []
        self.pins = True
        """Whether it is as new as that."""

    async def BeginFile(  # noqa: N802
        self, request: intake_service_pb2.BeginFileRequest, context: Context
    ) -> intake_service_pb2.BeginFileResponse:
        """A file that was held: a picture of 640 × 480 pixels, unless it is damaged."""
        if self._files.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        if request.content.endswith(b"damaged"):
            raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is damaged.")
        self.stored.append(request.content)
        added = self._files.add(current_identity().account_id, request.name, "image/jpeg", size=(640, 480))
        self._files.files[request.file_id] = self._files.files.pop(added)
        self._files.files[request.file_id][1].id = request.file_id
        if not (request.task_id and self.pins):
            return intake_service_pb2.BeginFileResponse(file_id=request.file_id)
        self._files.pins[request.task_id] = [request.file_id]
        return intake_service_pb2.BeginFileResponse(file_id=request.file_id, pinned=self._files.files[request.file_id][1])

    async def ImportFile(  # noqa: N802
        self, request: intake_service_pb2.ImportFileRequest, context: Context
    ) -> intake_service_pb2.ImportFileResponse:
        made_for = (request.task_id, request.input)
        if request.task_id and made_for in self._of_tasks:
            return intake_service_pb2.ImportFileResponse(file_id=self._of_tasks[made_for])
        self.fetched.append(request.url)
        if request.url not in self.known:
            raise DarkroomError(ErrorReason.URL_FETCH_FAILED, "url: there is nothing at this URL.", field="url")
        name = request.url.rpartition("/")[2]
        account_id = current_identity().account_id
        if name.endswith(".pdf"):
            file_id = self._files.add(account_id, name, "application/pdf", pages=self.pages)
        else:
            file_id = self._files.add(account_id, name, "image/png", size=(64, 48))
        self._of_tasks[made_for] = file_id
        return intake_service_pb2.ImportFileResponse(file_id=file_id)

    async def StoreFile(  # noqa: N802
        self, request: intake_service_pb2.StoreFileRequest, context: Context
    ) -> intake_service_pb2.StoreFileResponse:
        if not request.content.startswith(b"\x89PNG"):
            raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, "content: what it holds is no picture.", field="content")
        self.stored.append(request.content)
        file_id = self._files.add(current_identity().account_id, "input.png", "image/png", size=(64, 48))
        return intake_service_pb2.StoreFileResponse(file_id=file_id)

    async def CheckUrls(  # noqa: N802
        self, request: intake_service_pb2.CheckUrlsRequest, context: Context
    ) -> intake_service_pb2.CheckUrlsResponse:
        refused = [index for index, url in enumerate(request.urls) if not url.startswith("https://")]
        reason, message = ErrorReason.FIELD_INVALID.number, "url: it must begin with https:// or http://."
        refusals = [intake_service_pb2.UrlRefusal(index=index, reason=reason, message=message) for index in refused]
        return intake_service_pb2.CheckUrlsResponse(refusals=refusals)

    async def DiscardFiles(  # noqa: N802
        self, request: intake_service_pb2.DiscardFilesRequest, context: Context
    ) -> intake_service_pb2.DiscardFilesResponse:
        self.discarded += request.file_ids
        return intake_service_pb2.DiscardFilesResponse()
