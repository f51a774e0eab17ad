"""Stored files (`StorageService`), the library (`ShelfService`) and how long files stay (`RetentionService`), for other services."""

from __future__ import annotations

from dataclasses import replace

from darkroom.internal.files.v1 import retention_service_pb2 as retention_pb
from darkroom.internal.files.v1 import retention_service_pb2_grpc, shelf_service_pb2_grpc, storage_service_pb2_grpc
from darkroom.internal.files.v1 import shelf_service_pb2 as shelf_pb
from darkroom.internal.files.v1 import storage_service_pb2 as pb
from services.files.domain.ages import MaxAges
from services.files.domain.finished_runs import FinishedRuns, HeldInput, StoredContent
from services.files.domain.library import Offer
from services.files.domain.shelf import Shelf
from services.files.domain.task_files import ExaminedFiles, NewOutput, SignedFile, TaskFiles
from services.files.records import EndedTask, FileState, StoredOutput
from services.files.surfaces.rendering import download_message, file_message
from services.pictures.probe.model import Probe
from services.platform.identity import current_identity
from services.platform.rpc.handing_over import handed_over
from services.platform.rpc.interceptor import Context


class Storage(storage_service_pb2_grpc.StorageServiceServicer):
    """Files of the account that the calling service acts for."""

    def __init__(self, task_files: TaskFiles, remote: TaskFiles, finished_runs: FinishedRuns) -> None:
        """`remote` is for workers on other machines, which reach the storage as clients do."""
        self._task_files, self._remote, self._finished_runs = task_files, remote, finished_runs

    @property
    def _of_caller(self) -> TaskFiles:
        return self._task_files if current_identity().worker is None else self._remote

    async def PinFiles(self, request: pb.PinFilesRequest, context: Context) -> pb.PinFilesResponse:
        """Accept and pin inputs."""
        files = await self._task_files.pin(current_identity().account_id, request.task_id, request.file_ids)
        return pb.PinFilesResponse(files=[file_message(file) for file in files])

    async def PinTasks(self, request: pb.PinTasksRequest, context: Context) -> pb.PinTasksResponse:
        """Accept and pin the inputs of many tasks."""
        wanted = {task.task_id: task.file_ids for task in request.tasks}
        pinned = await self._task_files.pin_tasks(current_identity().account_id, wanted, all_or_none=request.all_or_none)
        return pb.PinTasksResponse(files=map(file_message, pinned.files), refusals=_refusals(pinned))

    async def Examine(self, request: pb.ExamineRequest, context: Context) -> pb.ExamineResponse:
        """Accept inputs without pinning them."""
        examined = await self._task_files.examine(current_identity().account_id, request.file_ids)
        return pb.ExamineResponse(files=map(file_message, examined.files), refusals=_refusals(examined))

    async def DescribeFiles(self, request: pb.DescribeFilesRequest, context: Context) -> pb.DescribeFilesResponse:
        """The records of files."""
        files = await self._task_files.describe(current_identity().account_id, request.file_ids)
        return pb.DescribeFilesResponse(files=map(file_message, files))

    async def KeepFiles(self, request: pb.KeepFilesRequest, context: Context) -> pb.KeepFilesResponse:
        """Make files permanent."""
        await self._task_files.keep(current_identity().account_id, request.file_ids)
        return pb.KeepFilesResponse()

    async def UnpinTasks(self, request: pb.UnpinTasksRequest, context: Context) -> pb.UnpinTasksResponse:
        """Drop the pins of tasks that were not created."""
        await self._task_files.settle([EndedTask(task_id) for task_id in request.task_ids])
        return pb.UnpinTasksResponse()

    async def UnpinFiles(self, request: pb.UnpinFilesRequest, context: Context) -> pb.UnpinFilesResponse:
        """Drop the pins of a task that was not created."""
        await self._task_files.settle([EndedTask(request.task_id)])
        return pb.UnpinFilesResponse()

    async def OpenInputs(self, request: pb.OpenInputsRequest, context: Context) -> pb.OpenInputsResponse:
        """URLs and ETags of inputs, or their contents."""
        account_id = current_identity().account_id
        opened = await self._of_caller.open_inputs(account_id, request.task_id, request.file_ids, request.content_bytes)
        return pb.OpenInputsResponse(inputs=map(_opened, opened))

    async def OpenFiles(self, request: pb.OpenFilesRequest, context: Context) -> pb.OpenFilesResponse:
        """URLs of files, or their contents."""
        opened = await self._task_files.open_files(current_identity().account_id, request.file_ids, request.content_bytes)
        return pb.OpenFilesResponse(files=map(_opened, opened))

    async def CreateOutputs(self, request: pb.CreateOutputsRequest, context: Context) -> pb.CreateOutputsResponse:
        """Records and URLs for outputs."""
        outputs = [_new_output(output) for output in request.outputs]
        created = await self._of_caller.create_outputs(
            current_identity().account_id, request.task_id, request.attempt, outputs, request.surface
        )
        return pb.CreateOutputsResponse(
            outputs=[
                pb.CreatedOutput(
                    file_id=each.file.id,
                    url=each.url,
                    part_size_bytes=each.part_bytes,
                    complete=each.file.state is FileState.READY,
                    only_if_absent=each.only_if_absent,
                )
                for each in created
            ]
        )

    async def StoreRun(self, request: pb.StoreRunRequest, context: Context) -> pb.StoreRunResponse:
        """Store an input and its output."""
        held, image = request.input, request.image
        found = Probe(media_type=request.media_type, width=image.width, height=image.height, frames=image.frames or None)
        content, size = StoredContent(request.input_content.object_key, request.input_content.etag), request.input_size_bytes
        received = HeldInput(held.file_id, held.output_file_id, held.name, content, size, held.surface, found)
        output, account_id = _new_output(request.output), current_identity().account_id
        if request.output_handed_over:
            output = replace(output, content=handed_over(request.output_handed_over))
        download = await self._finished_runs.store(account_id, request.task_id, request.surface, received, output)
        return pb.StoreRunResponse(output=download_message(download))

    async def StoreHeldContent(self, request: pb.StoreHeldContentRequest, context: Context) -> pb.StoreHeldContentResponse:
        """Store a content ahead of its record."""
        account_id = current_identity().account_id
        content = handed_over(request.handed_over) if request.handed_over else request.content
        stored = await self._finished_runs.store_content(account_id, request.file_id, request.media_type, content)
        return pb.StoreHeldContentResponse(etag=stored.etag, object_key=stored.object_key)

    async def SignOutputParts(self, request: pb.SignOutputPartsRequest, context: Context) -> pb.SignOutputPartsResponse:
        """URLs for parts of an output."""
        numbers = range(request.first_part, request.first_part + request.count)
        urls = await self._of_caller.sign_output_parts(
            current_identity().account_id, request.task_id, request.attempt, request.file_id, numbers
        )
        return pb.SignOutputPartsResponse(urls=urls)

    async def FinalizeOutputs(self, request: pb.FinalizeOutputsRequest, context: Context) -> pb.FinalizeOutputsResponse:
        """Check and complete outputs."""
        account_id = current_identity().account_id
        stored = [StoredOutput(each.file_id, each.etag, each.size_bytes) for each in request.stored]
        files = await self._task_files.finalize_outputs(account_id, request.task_id, request.attempt, request.file_ids, stored)
        return pb.FinalizeOutputsResponse(files=[file_message(file) for file in files])

    async def OpenKept(self, request: pb.OpenKeptRequest, context: Context) -> pb.OpenKeptResponse:
        """The files that earlier attempts kept."""
        kept = await self._of_caller.open_kept(current_identity().account_id, request.task_id)
        return pb.OpenKeptResponse(kept=[pb.KeptOutput(key=each.file.kept_as or "", output=_opened(each)) for each in kept])

    async def DeleteOutputs(self, request: pb.DeleteOutputsRequest, context: Context) -> pb.DeleteOutputsResponse:
        """Delete what a task made."""
        await self._task_files.delete_outputs(current_identity().account_id, request.task_id, request.file_ids)
        return pb.DeleteOutputsResponse()

    async def SignDownloads(self, request: pb.SignDownloadsRequest, context: Context) -> pb.SignDownloadsResponse:
        """Download URLs of a succeeded task's outputs."""
        offers = [Offer(offer.name, offer.media_type) for offer in request.offers]
        downloads = await self._task_files.sign_downloads(
            current_identity().account_id, request.file_ids, offers, for_head=request.for_head
        )
        return pb.SignDownloadsResponse(downloads=[download_message(download) for download in downloads])


def _refusals(examined: ExaminedFiles) -> list[pb.FileRefusal]:
    return [
        pb.FileRefusal(file_id=file_id, reason=error.reason.number, message=error.message, allowed=error.allowed, metadata=error.metadata)
        for file_id, error in examined.refusals.items()
    ]


def _opened(signed: SignedFile) -> pb.OpenedInput:
    return pb.OpenedInput(file=file_message(signed.file), url=signed.url, etag=signed.file.etag or "", content=signed.content)


def _new_output(output: pb.NewOutput) -> NewOutput:
    new = NewOutput(output.name, output.media_type, size_bytes=output.size_bytes, keep_as=output.keep_as or None, content=output.content)
    match output.WhichOneof("info"):
        case "document":
            return replace(new, pages=output.document.pages)
        case "image":
            image = output.image
            duration = image.duration_milliseconds or None
            return replace(new, width=image.width, height=image.height, frames=image.frames, duration_milliseconds=duration)
        case _:
            return new


class ShelfOfAccount(shelf_service_pb2_grpc.ShelfServiceServicer):
    """The library of the account in the service token."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def OpenThumbnail(self, request: shelf_pb.OpenThumbnailRequest, context: Context) -> shelf_pb.OpenThumbnailResponse:
        """Where it is."""
        found = await self._shelf.thumbnail(current_identity().account_id, request.id, for_head=request.for_head)
        return shelf_pb.OpenThumbnailResponse(url=found.url if found is not None else "")

    async def LendFile(self, request: shelf_pb.LendFileRequest, context: Context) -> shelf_pb.LendFileResponse:
        """A copy to make it of."""
        return shelf_pb.LendFileResponse(file_id=(await self._shelf.lend(current_identity().account_id, request.id)).id)

    async def KeepThumbnail(self, request: shelf_pb.KeepThumbnailRequest, context: Context) -> shelf_pb.KeepThumbnailResponse:
        """Keep what was made."""
        await self._shelf.keep_thumbnail(current_identity().account_id, request.id, request.file_id)
        return shelf_pb.KeepThumbnailResponse()

    async def ClearShelf(self, request: shelf_pb.ClearShelfRequest, context: Context) -> shelf_pb.ClearShelfResponse:
        """Delete all that somebody has."""
        await self._shelf.delete_of(current_identity().account_id, request.owner_id)
        return shelf_pb.ClearShelfResponse()


class Retention(retention_service_pb2_grpc.RetentionServiceServicer):
    """Terms of the account in the service token."""

    def __init__(self, ages: MaxAges) -> None:
        self._ages = ages

    async def SetMaxAge(self, request: retention_pb.SetMaxAgeRequest, context: Context) -> retention_pb.SetMaxAgeResponse:
        """How old files of an API may get."""
        age = request.max_age.ToTimedelta() if request.HasField("max_age") else None
        await self._ages.set(current_identity().account_id, request.surface, age)
        return retention_pb.SetMaxAgeResponse()
