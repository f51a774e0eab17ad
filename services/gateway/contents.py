"""The bytes of results that are themselves the reply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from darkroom.files.v1 import file_pb2
from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.log import get_logger
from services.platform.object_http import ObjectHttp, ObjectHttpError
from services.platform.rpc.channel import Caller

_SECONDS = 20.0
_INLINE_BYTES = 1 << 20
_OK = 200
_logger = get_logger()


class Contents:
    """Reads files of accounts."""

    def __init__(self, files: storage_service_pb2_grpc.StorageServiceAsyncStub, caller: Caller, http: ObjectHttp) -> None:
        self._files, self._caller, self._http = files, caller, http

    @asynccontextmanager
    async def open(self, account_id: int, file: file_pb2.File) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a file, in pieces, while the block runs. Raises FILE_NOT_FOUND and UNAVAILABLE."""
        asked = storage_service_pb2.OpenFilesRequest(file_ids=[file.id], content_bytes=_INLINE_BYTES)
        with translate_rpc_errors():
            reply = await self._files.OpenFiles(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        [found] = reply.files
        if found.content:
            yield _whole(found.content)
            return
        try:
            async with self._http.request("GET", found.url) as stored:
                if stored.status != _OK:
                    raise ObjectHttpError(f"status {stored.status}")
                yield stored.body
        except ObjectHttpError as error:
            _logger.warning("storage_failed", operation="GET", error=str(error))
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Storage cannot be reached. Try again later.") from error

    async def read(self, account_id: int, file: file_pb2.File) -> bytes:
        """All of a small file."""
        async with self.open(account_id, file) as pieces:
            return b"".join([piece async for piece in pieces])


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
