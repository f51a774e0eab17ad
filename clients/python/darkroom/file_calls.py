"""Files: look up, download, delete."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from darkroom.calls import pages
from darkroom.failures import NotFound
from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.naming import cut_to_fit, free_path, name_for, partial
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc
from darkroom.transfer import Progress, nothing
from darkroom.upload_calls import UploadsPart

_URLS_A_CALL = 500


class FilesPart(UploadsPart):
    """The file methods of `AsyncClient`."""

    async def get_file(self, file_id: int) -> file_pb2.File:
        """One file's record."""
        return (await self._calls.call(self._files.GetFile, files_service_pb2.GetFileRequest(file_id=file_id))).file

    async def list_files(self, limit: int = 100) -> list[file_pb2.File]:
        """The newest files, up to `limit`."""
        return [file async for file in self.iterate_files(limit)]

    async def iterate_files(self, limit: int | None = None) -> AsyncIterator[file_pb2.File]:
        """The account's files, newest first, fetched page by page as they are read."""
        request = files_service_pb2.ListFilesRequest(page_size=1000)
        async for file in pages(self._calls.call, self._files.ListFiles, request, "files", limit):
            yield file

    async def delete_file(self, file_id: int) -> None:
        """Delete a file."""
        await self._calls.call(self._files.DeleteFile, files_service_pb2.DeleteFileRequest(file_id=file_id))

    async def download_urls(self, file_ids: Sequence[int]) -> list[files_service_pb2.Download]:
        """Download URLs for the files, in the same order. They are valid for 24 hours for anyone who has them, without a key."""
        downloads: list[files_service_pb2.Download] = []
        for start in range(0, len(file_ids), _URLS_A_CALL):
            request = files_service_pb2.CreateDownloadUrlsRequest(file_ids=file_ids[start : start + _URLS_A_CALL])
            downloads.extend((await self._calls.call(self._files.CreateDownloadUrls, request)).downloads)
        return downloads

    async def result_urls(self, task: task_pb2.Task) -> list[files_service_pb2.Download]:
        """Download URLs for all outputs of a task that succeeded, as `download_urls`, but without a scope on files.

        Raises NotFound if one has expired or been deleted.
        """
        if not task.output_file_ids:
            return []
        stub = tasks_service_pb2_grpc.TasksServiceStub(self._calls.channel)
        reply = await self._calls.call(stub.CreateResultUrls, tasks_service_pb2.CreateResultUrlsRequest(task_id=task.id))
        gone = len(task.output_file_ids) - len(reply.downloads)
        if gone:
            raise NotFound("FILE_NOT_FOUND", f"{gone} of the {len(task.output_file_ids)} results have expired or been deleted.")
        return list(reply.downloads)

    async def download(
        self,
        files: Sequence[int] | task_pb2.Task,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_progress: Progress | None = None,
        name: str | None = None,
    ) -> list[Path]:
        """Download files by id, or the outputs of a task, into a folder, which is created if necessary. Returns the paths.

        For a task, the scope `tasks:read` is enough; files by id need `files:read`. Raises NotFound if one no longer exists.

        `name` replaces the files' own names, but not a suffix that stands for another format. If a name is taken, the new file gets a
        number, unless `overwrite` is set. Downloads are streamed and resume after a broken
        connection; a file appears under its name only when it is complete.
        """
        downloads = await self.result_urls(files) if isinstance(files, task_pb2.Task) else await self.download_urls(files)
        return [await self.save_download(each, folder, overwrite=overwrite, on_progress=on_progress, name=name) for each in downloads]

    async def save_download(
        self,
        download: files_service_pb2.Download,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_progress: Progress | None = None,
        name: str | None = None,
    ) -> Path:
        """Download what `result_urls` or `download_urls` returned into a folder, as `download` does. Returns the path."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        own = cut_to_fit(Path(download.file.name).name)
        with free_path(target / (name_for(own, name) if name else own), overwrite=overwrite) as path:
            await self._fetch(download, path, on_progress)
        return path

    async def read_download(self, download: files_service_pb2.Download) -> bytes:
        """The same into memory."""
        return await self._transfers.read(download.url)

    async def download_file(
        self, file_id: int, path: str | os.PathLike[str], *, overwrite: bool = False, on_progress: Progress | None = None
    ) -> Path:
        """Download one file to exactly this path, as `download` does. Raises FileExistsError if it exists and `overwrite` is not set."""
        target = Path(path)
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} already exists")
        await self._fetch((await self.download_urls([file_id]))[0], target, on_progress)
        return target

    async def read(self, file_id: int) -> bytes:
        """Download one file into memory."""
        return await self._transfers.read((await self.download_urls([file_id]))[0].url)

    async def _fetch(self, download: files_service_pb2.Download, path: Path, on_progress: Progress | None) -> None:
        with partial(path) as part:
            await self._transfers.get(download.url, part, on_progress or nothing)
