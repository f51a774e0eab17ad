"""The inputs and outputs of an attempt: records in the files service, bytes in object storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from darkroom.files.v1 import file_pb2
from darkroom.internal.files.v1 import storage_service_pb2 as pb
from darkroom.internal.files.v1 import storage_service_pb2_grpc
from services.inference.contract.flow import Stream
from services.inference.pipeline.reading import errors_naming
from services.inference.pipeline.run import Product, Source
from services.inference.worker.client import Admission
from services.inference.worker.object_transfer import ObjectTransfer
from services.platform.backoff import retry_unavailable
from services.platform.errors import translate_rpc_errors
from services.platform.object_writing import SMALL_BYTES
from services.platform.rpc.channel import Caller

_Reply = TypeVar("_Reply")
_SECONDS = 30.0
_BATCH = 100
_UNKNOWN = pb.StoredOutput()


def _no_progress(_done: float) -> None:
    """Ignore progress that is reported elsewhere."""


class AttemptFiles:
    """The files of one attempt. Waits up to `patience` seconds per call for an unreachable files service."""

    def __init__(
        self,
        stub: storage_service_pb2_grpc.StorageServiceAsyncStub,
        caller: Caller,
        transfer: ObjectTransfer,
        patience: float,
        admission: Admission,
    ) -> None:
        self._stub = stub
        self._caller = caller
        self._transfer = transfer
        self._patience = patience
        self._admission = admission
        self._stored: dict[int, pb.StoredOutput | None] = {}

    async def fetch(self, file_id: int, folder: Path, progress: Callable[[float], None] = _no_progress, *, called: str = "input") -> Source:
        """Download an input into `folder`, under the name `called`.

        Raises FILE_NOT_FOUND, FILE_SIZE_MISMATCH if it changed since it was accepted, and UNAVAILABLE.
        """
        request = pb.OpenInputsRequest(task_id=self._admission.task_id, file_ids=[file_id], content_bytes=SMALL_BYTES)
        reply = await self._call(self._stub.OpenInputs, request)
        opened = reply.inputs[0]
        target = folder / called
        if opened.content:
            # Into the kernel's memory, which takes less time than the way to a thread.
            target.write_bytes(opened.content)
            progress(1)
        else:
            with errors_naming(opened.file.name):
                await self._transfer.download(opened.url, opened.etag, opened.file.size_bytes, target, progress)
        picture = opened.file.image
        size = (picture.width, picture.height) if opened.file.HasField("image") else None
        return Source(opened.file.name, target, opened.file.document.pages, size, picture.frames or None)

    async def fetch_all(self, file_ids: Sequence[int], folder: Path, progress: Callable[[float], None]) -> list[Source]:
        """As `fetch`, several inputs in order; nothing else is in `folder`."""

        def share(number: int) -> Callable[[float], None]:
            return lambda done: progress((number + done) / len(file_ids))

        return [await self.fetch(file_id, folder, share(number), called=str(number)) for number, file_id in enumerate(file_ids)]

    async def deliver(self, product: Product, progress: Callable[[float], None] = _no_progress) -> file_pb2.File:
        """Store an output; returns what is known of its file, which must be finalized."""
        output = pb.NewOutput(name=product.name, media_type=product.media_type, content=_small(product.content))
        describe_product(output, product)
        created = await self._create(output)
        await self._upload(created, product.media_type, product.content, progress)
        size = len(product.content) if isinstance(product.content, bytes) else product.content.stat().st_size
        described = file_pb2.File(id=created.file_id, name=product.name, media_type=product.media_type, size_bytes=size)
        describe_product(described, product)
        return described

    async def keep(self, key: str, file: Path, media_type: str) -> None:
        """Store a file that is not an output, and never shown to the owner, for later attempts of the task; once this returns,
        `download_kept` finds it."""
        output = pb.NewOutput(name=key, media_type=media_type, keep_as=key, content=_small(file))
        created = await self._create(output)
        await self._upload(created, media_type, file, _no_progress)
        await self.finalize([created.file_id])

    async def download_kept(self, folder: Path) -> dict[str, Path]:
        """Download everything that earlier attempts of the task have kept into `folder`; returned by key."""
        if self._admission.attempt == 1:
            return {}
        reply = await self._call(self._stub.OpenKept, pb.OpenKeptRequest(task_id=self._admission.task_id))
        paths = {}
        for number, kept in enumerate(reply.kept):
            paths[kept.key] = target = folder / f"kept-{number}"
            size = kept.output.file.size_bytes
            await self._transfer.download(kept.output.url, kept.output.etag, size, target, _no_progress)
        return paths

    async def open(self, file_ids: Sequence[int]) -> list[StoredInput]:
        """Inputs, readable while the attempt lasts. Raises FILE_NOT_FOUND."""
        opened: list[StoredInput] = []
        for start in range(0, len(file_ids), _BATCH):
            request = pb.OpenInputsRequest(task_id=self._admission.task_id, file_ids=file_ids[start : start + _BATCH])
            reply = await self._call(self._stub.OpenInputs, request)
            opened += [StoredInput(each, self._transfer) for each in reply.inputs]
        return opened

    async def deliver_stream(self, stream: Stream) -> int:
        """Upload an output as it is made, one part at a time; returns its file id, which must be finalized."""
        output = pb.NewOutput(name=stream.name, media_type=stream.media_type, size_bytes=stream.size)
        created = await self._create(output)
        if not created.part_size_bytes:
            content = b"".join([piece async for piece in stream.pieces])
            await self._upload(created, stream.media_type, content, _no_progress)
            return created.file_id
        urls: list[str] = []
        number = 0
        async for part in parts_of(stream.pieces, created.part_size_bytes):
            if not urls:
                signing = pb.SignOutputPartsRequest(
                    task_id=self._admission.task_id,
                    attempt=self._admission.attempt,
                    file_id=created.file_id,
                    first_part=number + 1,
                    count=_BATCH,
                )
                urls = list((await self._call(self._stub.SignOutputParts, signing)).urls)
            await self._transfer.upload(urls.pop(0), None, part, _no_progress)
            number += 1
        return created.file_id

    async def _create(self, output: pb.NewOutput) -> pb.CreatedOutput:
        admission = self._admission
        request = pb.CreateOutputsRequest(task_id=admission.task_id, attempt=admission.attempt, outputs=[output], surface=admission.surface)
        return (await self._call(self._stub.CreateOutputs, request)).outputs[0]

    async def finalize(self, file_ids: Sequence[int]) -> None:
        """Complete the records of delivered outputs that are not complete."""
        stored = {file_id: self._stored.pop(file_id) for file_id in file_ids if file_id in self._stored}
        rest = [file_id for file_id in file_ids if stored.get(file_id, _UNKNOWN) is not None]
        for start in range(0, len(rest), _BATCH):
            batch = rest[start : start + _BATCH]
            request = pb.FinalizeOutputsRequest(task_id=self._admission.task_id, attempt=self._admission.attempt, file_ids=batch)
            request.stored.extend(told for file_id in batch if (told := stored.get(file_id)) is not None)
            await self._call(self._stub.FinalizeOutputs, request)

    async def _upload(self, created: pb.CreatedOutput, media_type: str, content: bytes | Path, progress: Callable[[float], None]) -> None:
        """PUT an output, and keep what the storage answered until the output is finalized. One that is complete is only noted."""
        if created.complete:
            self._stored[created.file_id] = None
            progress(1)
        else:
            stored = await self._transfer.upload(created.url, media_type, content, progress, only_if_absent=created.only_if_absent)
            if stored.etag:
                self._stored[created.file_id] = pb.StoredOutput(file_id=created.file_id, etag=stored.etag, size_bytes=stored.size)

    async def _call(self, method: Callable[..., Awaitable[_Reply]], request: Message) -> _Reply:
        async def once() -> _Reply:
            with translate_rpc_errors():
                return await method(request, metadata=self._caller.on_behalf_of(self._admission.account_id), timeout=_SECONDS)

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
        with errors_naming(self.name):
            async for block in self._transfer.read(self._opened.url, self._opened.etag, self.size):
                yield block


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


def describe_product(file: pb.NewOutput | file_pb2.File, product: Product) -> None:
    """Add the properties of the product to its file."""
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
