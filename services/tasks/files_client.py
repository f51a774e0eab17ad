"""Client for what the tasks service needs from the files service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.internal.files.v1 import intake_service_pb2, intake_service_pb2_grpc, storage_service_pb2, storage_service_pb2_grpc
from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.rpc.channel import Caller
from services.platform.rpc.handing_over import handing_over
from services.platform.rpc.held_files import Held
from services.tasks.model.media import InputFile, InputUrl
from services.tasks.storages_client import StoragesClient

# The first use of a file sends HEAD and probes it, which may read several ranges of each of 100 files.
_EXAMINE_SECONDS = 60.0
_FEW_FILES = 100
# The same for up to 5,000 files; less than the edge waits for the whole call.
_EXAMINE_MANY_SECONDS = 110.0
_SECONDS = 10.0
# The longest fetch that can be set, and an examination.
_FETCH_SECONDS = 80.0
StoredContent = storage_service_pb2.StoreHeldContentResponse
_URL, _CONTENT = "url", "content"
_HEAD_BYTES = 4096
_MOST_SIGNED = 500
_MOST_DOWNLOADS = 500  # the limit of SignDownloads
_MOST_DESCRIBED = 1_000  # the limit of DescribeFiles


@dataclass(frozen=True, slots=True)
class ExaminedFiles:
    """The result of examining files that tasks should use."""

    files: Mapping[int, InputFile]
    """Those that can be used, by id."""
    refusals: Mapping[int, DarkroomError]
    """The others, by id."""
    pinned_tasks: Sequence[int] = ()
    """The tasks whose files are pinned."""


class FilesClient:
    """Calls StorageService and IntakeService on behalf of an account. Every method raises `DarkroomError`."""

    def __init__(
        self,
        stub: storage_service_pb2_grpc.StorageServiceAsyncStub,
        intake: intake_service_pb2_grpc.IntakeServiceAsyncStub,
        caller: Caller,
        *,
        here: bool = False,
    ) -> None:
        """`here`: the files service is in this process."""
        self._here = here
        self._stub, self._intake, self._caller = stub, intake, caller
        self.storages = StoragesClient(intake, caller)
        """The storages of the operator."""
        self._signed: dict[int, files_service_pb2.Download] = {}
        """Downloads of outputs that were stored just now, by their ids, each for one caller."""

    async def examine(self, account_id: int, file_ids: Sequence[int]) -> ExaminedFiles:
        """Make sure that files are READY. Raises UNAVAILABLE, but nothing because of a single file."""
        if not file_ids:
            return ExaminedFiles({}, {})
        request = storage_service_pb2.ExamineRequest(file_ids=list(dict.fromkeys(file_ids)))
        with translate_rpc_errors():
            reply = await self._stub.Examine(request, metadata=self._caller.on_behalf_of(account_id), timeout=_examination(len(file_ids)))
        return ExaminedFiles(_files(reply.files), _refusals(reply.refusals))

    async def keep(self, account_id: int, file_ids: Sequence[int]) -> None:
        """Make READY files permanent: they stay until their account deletes them."""
        if not file_ids:
            return
        request = storage_service_pb2.KeepFilesRequest(file_ids=list(dict.fromkeys(file_ids)))
        with translate_rpc_errors():
            await self._stub.KeepFiles(request, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)

    async def pin(self, account_id: int, wanted: Mapping[int, Sequence[int]], *, all_or_none: bool) -> ExaminedFiles:
        """`examine` the files of tasks and pin them; `wanted` maps tasks to files. A task with a refused file gets no pins; with
        `all_or_none`, no task does then."""
        if not wanted:
            return ExaminedFiles({}, {})
        request = storage_service_pb2.PinTasksRequest(
            tasks=[storage_service_pb2.TaskInputs(task_id=task_id, file_ids=file_ids) for task_id, file_ids in wanted.items()],
            all_or_none=all_or_none,
        )
        timeout = _examination(sum(map(len, wanted.values())))
        with translate_rpc_errors():
            reply = await self._stub.PinTasks(request, metadata=self._caller.on_behalf_of(account_id), timeout=timeout)
        refusals = _refusals(reply.refusals)
        pinned = [task_id for task_id, file_ids in wanted.items() if refusals.keys().isdisjoint(file_ids)]
        return ExaminedFiles(_files(reply.files), refusals, [] if all_or_none and refusals else pinned)

    async def unpin(self, account_id: int, task_ids: Sequence[int]) -> None:
        """Remove the pins of tasks that were not created."""
        with translate_rpc_errors():
            await self._stub.UnpinTasks(
                storage_service_pb2.UnpinTasksRequest(task_ids=task_ids),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_SECONDS,
            )

    async def fetch(self, account_id: int, url: str, field: str, *, for_task: tuple[int, int] | None = None) -> int:
        """The id of a new file with what the URL leads to; `for_task`, a task and the place of an input, makes a repeat get the same file.

        Raises the errors of ImportFile, blamed on `field`.
        """
        request = intake_service_pb2.ImportFileRequest(url=url)
        if for_task is not None:
            request.task_id, request.input = for_task
        with _blaming(_URL, field), translate_rpc_errors():
            reply = await self._intake.ImportFile(request, metadata=self._caller.on_behalf_of(account_id), timeout=_FETCH_SECONDS)
        return reply.file_id

    async def store(self, account_id: int, content: bytes, field: str) -> int:
        """The id of a new file with this content, named after its type. Raises the errors of StoreFile, blamed on `field`."""
        request = intake_service_pb2.StoreFileRequest(content=content)
        with _blaming(_CONTENT, field), translate_rpc_errors():
            reply = await self._intake.StoreFile(request, metadata=self._caller.on_behalf_of(account_id), timeout=_FETCH_SECONDS)
        return reply.file_id

    async def store_held(self, account_id: int, held: Held, field: str, task_id: int) -> ExaminedFiles | None:
        """Store a file that the gateway has held, under its id, and pin it for a task; None if it is not pinned, since an earlier try of
        the same call has stored it. Raises the errors of BeginFile, blamed on `field`."""
        request = intake_service_pb2.BeginFileRequest(
            name=held.name,
            head=held.content[:_HEAD_BYTES],
            content=held.content,
            surface=held.surface,
            file_id=held.file_id,
            task_id=task_id,
        )
        with _about_held(held, field), translate_rpc_errors():
            reply = await self._intake.BeginFile(request, metadata=self._caller.on_behalf_of(account_id), timeout=_EXAMINE_SECONDS)
        if not reply.HasField("pinned"):
            return None
        return ExaminedFiles(_files([reply.pinned]), {}, [task_id])

    async def store_held_content(self, account_id: int, file_id: int, media_type: str, content: bytes) -> StoredContent:
        """Store the content of a file that may get a record. Raises DISK_FULL and UNAVAILABLE."""
        request = storage_service_pb2.StoreHeldContentRequest(file_id=file_id, media_type=media_type)
        with translate_rpc_errors(), ExitStack() as stack:
            if self._here:
                request.handed_over = stack.enter_context(handing_over(content))
            else:
                request.content = content
            metadata = self._caller.on_behalf_of(account_id)
            return await self._stub.StoreHeldContent(request, metadata=metadata, timeout=_EXAMINE_SECONDS)

    async def store_run(
        self,
        account_id: int,
        task_id: int,
        surface: str,
        held: Held,
        content: StoredContent,
        size_bytes: int,
        result: pb.ShortRunResult,
        field: str,
    ) -> None:
        """Store both files of a task that is done, whose input has its content. Raises the errors of StoreRun, blamed on `field`."""
        output = storage_service_pb2.NewOutput(name=result.output.name, media_type=result.output.media_type)
        if result.output.HasField("image"):
            output.image.CopyFrom(result.output.image)
        record = HeldFile(file_id=held.file_id, output_file_id=held.output_file_id, name=held.name, surface=held.surface)
        request = storage_service_pb2.StoreRunRequest(
            task_id=task_id,
            surface=surface,
            input=record,
            media_type=result.media_type,
            image=result.image,
            output=output,
            input_content=content,
            input_size_bytes=size_bytes,
        )
        with _about_held(held, field), translate_rpc_errors(), ExitStack() as stack:
            if self._here:
                request.output_handed_over = stack.enter_context(handing_over(result.content))
            else:
                request.output.content = result.content
            reply = await self._stub.StoreRun(request, metadata=self._caller.on_behalf_of(account_id), timeout=_EXAMINE_SECONDS)
        # The reply to the caller shows it.
        self._signed[held.output_file_id] = reply.output
        while len(self._signed) > _MOST_SIGNED:
            del self._signed[next(iter(self._signed))]

    async def check_urls(self, account_id: int, urls: Sequence[InputUrl]) -> None:
        """Refuse URLs that nothing is fetched from, as far as they show it themselves. Raises FIELD_INVALID, blamed on the URL's field."""
        request = intake_service_pb2.CheckUrlsRequest(urls=[each.url for each in urls])
        with translate_rpc_errors():
            reply = await self._intake.CheckUrls(request, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        for refusal in reply.refusals:
            field = urls[refusal.index].field
            message = field + refusal.message.removeprefix(_URL)
            raise DarkroomError(ErrorReason.from_number(refusal.reason), message, field=field, allowed=refusal.allowed)

    async def discard(self, account_id: int, file_ids: Sequence[int]) -> None:
        """Delete files that were fetched for tasks that were not created."""
        with translate_rpc_errors():
            await self._intake.DiscardFiles(
                intake_service_pb2.DiscardFilesRequest(file_ids=file_ids),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_SECONDS,
            )

    async def delete_outputs(self, account_id: int, task_id: int, file_ids: Sequence[int]) -> None:
        """Delete the outputs of a succeeded task."""
        if not file_ids:
            return
        with translate_rpc_errors():
            await self._stub.DeleteOutputs(
                storage_service_pb2.DeleteOutputsRequest(task_id=task_id, file_ids=file_ids),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_SECONDS,
            )

    async def describe(self, account_id: int, file_ids: Sequence[int]) -> dict[int, InputFile]:
        """The records of the account's files, by id, as long as there are records: also about expired and deleted ones. Others are
        left out."""
        found: dict[int, InputFile] = {}
        wanted = list(dict.fromkeys(file_ids))
        for start in range(0, len(wanted), _MOST_DESCRIBED):
            with translate_rpc_errors():
                reply = await self._stub.DescribeFiles(
                    storage_service_pb2.DescribeFilesRequest(file_ids=wanted[start : start + _MOST_DESCRIBED]),
                    metadata=self._caller.on_behalf_of(account_id),
                    timeout=_SECONDS,
                )
            found |= _files(reply.files)
        return found

    async def sign_downloads(self, account_id: int, file_ids: Sequence[int]) -> list[files_service_pb2.Download]:
        """Download URLs of the files that still exist, in order."""
        if len(file_ids) == 1 and (signed := self._signed.pop(file_ids[0], None)) is not None:
            return [signed]
        downloads: list[files_service_pb2.Download] = []
        for start in range(0, len(file_ids), _MOST_DOWNLOADS):
            with translate_rpc_errors():
                reply = await self._stub.SignDownloads(
                    storage_service_pb2.SignDownloadsRequest(file_ids=file_ids[start : start + _MOST_DOWNLOADS]),
                    metadata=self._caller.on_behalf_of(account_id),
                    timeout=_SECONDS,
                )
            downloads += reply.downloads
        return downloads


@contextmanager
def _blaming(own: str, field: str) -> Iterator[None]:
    """Blame a request's field for what another service blames on its `own`."""
    try:
        yield
    except DarkroomError as error:
        if error.field != own:
            raise
        message = error.message
        if message.startswith(f"{own}:"):
            message = field + message.removeprefix(own)
        raise error.saying(message).at(field) from error


@contextmanager
def _about_held(held: Held, field: str) -> Iterator[None]:
    """Blame a file that the gateway has held for what is refused in the block, and the field that names it."""
    try:
        yield
    except DarkroomError as error:
        if error.reason in (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL):
            raise
        error.metadata["file_id"] = str(held.file_id)
        raise error.at(field) from error


def _examination(files: int) -> float:
    """How many seconds examining this many files may take."""
    return _EXAMINE_SECONDS if files <= _FEW_FILES else _EXAMINE_MANY_SECONDS


def input_file(file: file_pb2.File) -> InputFile:
    """Another service's view of a file."""
    return InputFile(
        id=file.id,
        name=file.name,
        media_type=file.media_type,
        image_size=(file.image.width, file.image.height) if file.HasField("image") else None,
        pages=file.document.pages if file.HasField("document") else None,
        size_bytes=file.size_bytes,
        frames=file.image.frames or None,
        milliseconds=file.image.duration_milliseconds or None,
    )


def _files(files: Iterable[file_pb2.File]) -> dict[int, InputFile]:
    return {file.id: input_file(file) for file in files}


def _refusals(refusals: Iterable[storage_service_pb2.FileRefusal]) -> dict[int, DarkroomError]:
    return {
        refusal.file_id: DarkroomError(
            ErrorReason.from_number(refusal.reason),
            refusal.message,
            allowed=refusal.allowed,
            metadata={**refusal.metadata, "file_id": str(refusal.file_id)},
        )
        for refusal in refusals
    }
