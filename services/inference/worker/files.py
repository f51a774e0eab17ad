"""The inputs and outputs of an attempt: records in the files service, bytes in object storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from darkroom.files.v1 import file_pb2
from darkroom.internal.files.v1 import storage_service_pb2 as pb
from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceStub
from services.inference.contract.flow import Stream
from services.inference.media import Image
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.reading import with_file_name
from services.inference.pipeline.run import Product, Source
from services.inference.worker.client import Admission
from services.inference.worker.object_transfer import ObjectTransfer
from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError, translate_rpc_errors
from services.platform.object_writing import SMALL_BYTES
from services.platform.rpc.channel import Caller

_Reply = TypeVar("_Reply")
_SECONDS = 30.0
_BATCH = 100
_MOST_ANSWERS = 2_000
_UNKNOWN = pb.StoredOutput()


class AttemptFiles:
    """Fetches inputs and delivers outputs. Waits up to `patience` seconds per call for an unreachable files service."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller, transfer: ObjectTransfer, patience: float) -> None:
        self._stub = StorageServiceStub(channel)
        self._caller = caller
        self._transfer = transfer
        self._patience = patience
        self._stored: dict[int, pb.StoredOutput | None] = {}

    async def fetch(
        self, admission: Admission, file_id: int, folder: Path, progress: Callable[[float], None], *, called: str = "input"
    ) -> Source:
        """Download an input into `folder`, under the name `called`.

        Raises FILE_NOT_FOUND, FILE_SIZE_MISMATCH if it changed since it was accepted, and UNAVAILABLE.
        """
        request = pb.OpenInputsRequest(task_id=admission.task_id, file_ids=[file_id], content_bytes=SMALL_BYTES)
        reply = await self._call(self._stub.OpenInputs, request, admission)
        opened = reply.inputs[0]
        target = folder / called
        if opened.content:
            # Into the kernel's memory, which takes less time than the way to a thread.
            target.write_bytes(opened.content)
            progress(1)
        else:
            try:
                await self._transfer.download(opened.url, opened.etag, opened.file.size_bytes, target, progress)
            except DarkroomError as error:
                raise with_file_name(error, opened.file.name) from error
        picture = opened.file.image
        size = (picture.width, picture.height) if opened.file.HasField("image") else None
        return Source(opened.file.name, target, opened.file.document.pages, size)

    async def fetch_all(
        self, admission: Admission, file_ids: Sequence[int], folder: Path, progress: Callable[[float], None]
    ) -> list[Source]:
        """As `fetch`, several inputs in order; nothing else is in `folder`."""

        def share(number: int) -> Callable[[float], None]:
            return lambda done: progress((number + done) / len(file_ids))

        return [await self.fetch(admission, file_id, folder, share(number), called=str(number)) for number, file_id in enumerate(file_ids)]

    async def deliver(self, admission: Admission, product: Product, progress: Callable[[float], None]) -> file_pb2.File:
        """Store an output; returns what is known of its file, which must be finalized."""
        output = pb.NewOutput(name=product.name, media_type=product.media_type, content=_small(product.content))
        _tell(output, product)
        created = await self._create(admission, output)
        await self._upload(created, product.media_type, product.content, progress)
        size = len(product.content) if isinstance(product.content, bytes) else product.content.stat().st_size
        described = file_pb2.File(id=created.file_id, name=product.name, media_type=product.media_type, size_bytes=size)
        _tell(described, product)
        return described

    async def keep(self, admission: Admission, key: str, file: Path, media_type: str) -> None:
        """Store a file that is not an output for later attempts of the task; once this returns, `kept` finds it."""
        output = pb.NewOutput(name=key, media_type=media_type, keep_as=key, content=_small(file))
        created = await self._create(admission, output)
        await self._upload(created, media_type, file, _unseen)
        await self.finalize(admission, [created.file_id])

    async def download_kept(self, admission: Admission, folder: Path) -> dict[str, Path]:
        """Download everything that earlier attempts of the task have kept into `folder`; returned by key."""
        reply = await self._call(self._stub.OpenKept, pb.OpenKeptRequest(task_id=admission.task_id), admission)
        paths = {}
        for number, kept in enumerate(reply.kept):
            paths[kept.key] = target = folder / f"kept-{number}"
            size = kept.output.file.size_bytes
            await self._transfer.download(kept.output.url, kept.output.etag, size, target, lambda _done: None)
        return paths

    async def open(self, admission: Admission) -> list[StoredInput]:
        """All inputs, readable while the attempt lasts. Raises FILE_NOT_FOUND."""
        opened: list[StoredInput] = []
        for start in range(0, len(admission.input_file_ids), _BATCH):
            request = pb.OpenInputsRequest(task_id=admission.task_id, file_ids=admission.input_file_ids[start : start + _BATCH])
            reply = await self._call(self._stub.OpenInputs, request, admission)
            opened += [StoredInput(each, self._transfer) for each in reply.inputs]
        return opened

    async def deliver_stream(self, admission: Admission, stream: Stream) -> int:
        """Upload an output as it is made, one part at a time; returns its file id, which must be finalized."""
        output = pb.NewOutput(name=stream.name, media_type=stream.media_type, size_bytes=stream.size)
        created = await self._create(admission, output)
        if not created.part_size_bytes:
            content = b"".join([piece async for piece in stream.pieces])
            await self._upload(created, stream.media_type, content, _unseen)
            return created.file_id
        urls: list[str] = []
        number = 0
        async for part in parts_of(stream.pieces, created.part_size_bytes):
            if not urls:
                signing = pb.SignOutputPartsRequest(
                    task_id=admission.task_id, attempt=admission.attempt, file_id=created.file_id, first_part=number + 1, count=_BATCH
                )
                urls = list((await self._call(self._stub.SignOutputParts, signing, admission)).urls)
            await self._transfer.upload(urls.pop(0), None, part, _unseen)
            number += 1
        return created.file_id

    async def _create(self, admission: Admission, output: pb.NewOutput) -> pb.CreatedOutput:
        request = pb.CreateOutputsRequest(task_id=admission.task_id, attempt=admission.attempt, outputs=[output], surface=admission.surface)
        return (await self._call(self._stub.CreateOutputs, request, admission)).outputs[0]

    async def finalize(self, admission: Admission, file_ids: Sequence[int]) -> None:
        """Complete the records of delivered outputs that are not complete."""
        stored = {file_id: self._stored.pop(file_id) for file_id in file_ids if file_id in self._stored}
        rest = [file_id for file_id in file_ids if stored.get(file_id, _UNKNOWN) is not None]
        for start in range(0, len(rest), _BATCH):
            batch = rest[start : start + _BATCH]
            request = pb.FinalizeOutputsRequest(task_id=admission.task_id, attempt=admission.attempt, file_ids=batch)
            request.stored.extend(told for file_id in batch if (told := stored.get(file_id)) is not None)
            await self._call(self._stub.FinalizeOutputs, request, admission)

    async def _upload(self, created: pb.CreatedOutput, media_type: str, content: bytes | Path, progress: Callable[[float], None]) -> None:
        """PUT an output, and keep what the storage answered until the output is finalized. One that is complete is only noted."""
        if created.complete:
            self._stored[created.file_id] = None
            progress(1)
        else:
            stored = await self._transfer.upload(created.url, media_type, content, progress, only_if_absent=created.only_if_absent)
            if stored.etag:
                self._stored[created.file_id] = pb.StoredOutput(file_id=created.file_id, etag=stored.etag, size_bytes=stored.size)
        if len(self._stored) > _MOST_ANSWERS:
            # Outputs of an attempt that ended before they were finalized. About one that has not, the storage is asked.
            del self._stored[next(iter(self._stored))]

    async def _call(self, method: Callable[..., Awaitable[_Reply]], request: Message, admission: Admission) -> _Reply:
        async def once() -> _Reply:
            with translate_rpc_errors():
                return await method(request, metadata=self._caller.on_behalf_of(admission.account_id), timeout=_SECONDS)

        return await retry_unavailable(once, self._patience)


class StoredInput:
    """An input in storage; an `InputFile`."""

    def __init__(self, opened: pb.OpenedInput, transfer: ObjectTransfer) -> None:
        self._opened, self._transfer = opened, transfer

    @property
    def name(self) -> str:
        """File name."""
        return self._opened.file.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self._opened.file.size_bytes

    async def read(self) -> AsyncIterator[bytes]:
        """Its content. Raises FILE_NOT_FOUND, FILE_SIZE_MISMATCH if it changed since it was accepted, UNAVAILABLE."""
        try:
            async for block in self._transfer.read(self._opened.url, self._opened.etag, self.size):
                yield block
        except DarkroomError as error:
            raise with_file_name(error, self.name) from error


class KeptResults:
    """The data that an attempt leaves for later attempts of its task: stored like an output, but never shown to its owner.

    Raises what the files service and object storage raise.
    """

    def __init__(self, files: AttemptFiles, admission: Admission) -> None:
        self._files, self._admission = files, admission

    async def download_kept(self, folder: Path) -> dict[str, Path]:
        """Download what earlier attempts have kept into `folder`; returned by key."""
        return await self._files.download_kept(self._admission, folder) if self._admission.attempt > 1 else {}

    async def keep(self, key: str, file: Path, media_type: str) -> None:
        """Keep a file; once this returns, later attempts have it."""
        await self._files.keep(self._admission, key, file, media_type)


class AttemptReferences:
    """The inputs of an attempt whose first operation takes them all at once.

    They are fetched when read, since an attempt that finds everything kept needs none.
    """

    def __init__(self, files: AttemptFiles, admission: Admission, pipeline: Pipeline, folder: Path) -> None:
        self._files, self._admission, self._pipeline, self._folder = files, admission, pipeline, folder

    @property
    def count(self) -> int:
        """Number of inputs."""
        return len(self._admission.input_file_ids)

    async def read(self, number: int) -> Image:
        """Fetch and decode one."""
        source = await self._files.fetch(self._admission, self._admission.input_file_ids[number], self._folder, lambda _done: None)
        try:
            return await self._pipeline.read_reference(source, self._folder)
        except DarkroomError as error:
            raise with_file_name(error, source.name) from error
        finally:
            await asyncio.to_thread(source.path.unlink)


async def parts_of(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The same bytes in parts of `size`; the last may be shorter."""
    part = bytearray()
    async for piece in pieces:
        rest = memoryview(piece)
        while len(part) + len(rest) >= size:
            taken = size - len(part)
            part += rest[:taken]
            yield bytes(part)
            part.clear()
            rest = rest[taken:]
        part += rest
    if part:
        yield bytes(part)


def _tell(file: pb.NewOutput | file_pb2.File, product: Product) -> None:
    """Say what the product shows."""
    match product.info:
        case file_pb2.ImageInfo():
            file.image.CopyFrom(product.info)
        case file_pb2.DocumentInfo():
            file.document.CopyFrom(product.info)


def _small(content: bytes | Path) -> bytes:
    """The content if it is small, else nothing."""
    if isinstance(content, bytes):
        return content if len(content) <= SMALL_BYTES else b""
    return content.read_bytes() if content.stat().st_size <= SMALL_BYTES else b""


def _unseen(_done: float) -> None:
    """Ignore progress that is reported elsewhere."""
