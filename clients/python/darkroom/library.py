"""The library: files that stay until they are deleted, in versions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc

from darkroom.calls import Call, new_key
from darkroom.files.v1 import file_pb2, library_file_pb2, library_service_pb2, library_service_pb2_grpc
from darkroom.naming import cut_to_fit, free_path, name_for, partial
from darkroom.transfer import Progress, Transfers, nothing

_PAGE, _IDS = 200, 1000


class Library:
    """`library` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, transfers: Transfers) -> None:
        self._stub, self._call, self._transfers = library_service_pb2_grpc.LibraryServiceStub(channel), call, transfers

    async def add(
        self, file_id: int, name: str = "", *, parent_id: str = "", tool: str = "", idempotency_key: str | None = None
    ) -> library_file_pb2.LibraryFile:
        """Add a file of the account. An upload is moved to the library, and an output of a task is copied.

        Without `name` it keeps its own. With `parent_id` it is the next version of that one, made with `tool`, such as `resize`. A call
        that fails on the way is retried and never adds a second one. With your own `idempotency_key`, calling again within 24 hours returns
        the same version.
        """
        new = library_service_pb2.NewLibraryFile(file_id=file_id, name=name, parent_id=parent_id, tool=tool)
        reply: library_service_pb2.AddLibraryFilesResponse = await self._call(
            self._stub.AddLibraryFiles,
            library_service_pb2.AddLibraryFilesRequest(files=[new]),
            idempotency_key=idempotency_key or new_key(),
        )
        return reply.files[0]

    async def get(self, version_id: str) -> library_service_pb2.GetLibraryFileResponse:
        """One version (`file`), and all of its chain (`versions`)."""
        return await self._call(self._stub.GetLibraryFile, library_service_pb2.GetLibraryFileRequest(id=version_id))

    async def list(self, limit: int = 100, search: str = "") -> Sequence[library_file_pb2.LibraryFile]:
        """The newest versions of the newest chains, up to `limit`; with `search`, of those whose names contain that text."""
        return [file async for file in self.iterate(limit, search)]

    async def iterate(self, limit: int | None = None, search: str = "") -> AsyncIterator[library_file_pb2.LibraryFile]:
        """The newest version of each chain, those that were added last first, fetched page by page as they are read."""
        skip = 0
        while limit is None or skip < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - skip)
            request = library_service_pb2.ListLibraryFilesRequest(page_size=size, skip=skip, search=search)
            reply: library_service_pb2.ListLibraryFilesResponse = await self._call(self._stub.ListLibraryFiles, request)
            for file in reply.files:
                yield file
            skip += len(reply.files)
            if len(reply.files) < size:
                break

    async def download_url(self, version_id: str) -> library_service_pb2.CreateLibraryDownloadUrlResponse:
        """A download URL for a version. It is valid for 24 hours for anyone who has it, without a key."""
        request = library_service_pb2.CreateLibraryDownloadUrlRequest(id=version_id)
        return await self._call(self._stub.CreateLibraryDownloadUrl, request)

    async def download(
        self,
        version_id: str,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_progress: Progress | None = None,
        name: str | None = None,
    ) -> Path:
        """Download a version into a folder, which is created if necessary, as `download` of the client does. Returns its path."""
        offered = await self.download_url(version_id)
        target, own = Path(folder), cut_to_fit(Path(offered.file.name).name)
        target.mkdir(parents=True, exist_ok=True)
        with free_path(target / (name_for(own, name) if name else own), overwrite=overwrite) as path:
            with partial(path) as part:
                await self._transfers.get(offered.url, part, on_progress or nothing)
            return path

    async def read(self, version_id: str) -> bytes:
        """Download a version into memory."""
        return await self._transfers.read((await self.download_url(version_id)).url)

    async def thumbnail(self, version_id: str) -> bytes:
        """A small picture of a version: a JPEG at most 300 pixels wide, which the server makes when it is first asked for.

        Raises `ApiError` with the reason MEDIA_UNSUPPORTED and the like for a version that is no picture.
        """
        request = library_service_pb2.CreateLibraryThumbnailUrlRequest(id=version_id)
        reply: library_service_pb2.CreateLibraryThumbnailUrlResponse = await self._call(self._stub.CreateLibraryThumbnailUrl, request)
        return await self._transfers.read(reply.url)

    async def copy(self, version_id: str, *, idempotency_key: str | None = None) -> file_pb2.File:
        """Copy a version to the files of the account, where tasks can use it, and where it expires as an upload does. Retried as `add`."""
        request = library_service_pb2.CopyLibraryFileRequest(id=version_id)
        reply: library_service_pb2.CopyLibraryFileResponse = await self._call(
            self._stub.CopyLibraryFile, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.file

    async def delete(self, version_ids: Sequence[str]) -> int:
        """Delete the whole chains of versions; unknown ids are skipped. Returns how many versions are gone."""
        deleted = 0
        for start in range(0, len(version_ids), _IDS):
            request = library_service_pb2.DeleteLibraryFilesRequest(ids=version_ids[start : start + _IDS])
            reply: library_service_pb2.DeleteLibraryFilesResponse = await self._call(self._stub.DeleteLibraryFiles, request)
            deleted += reply.deleted
        return deleted
