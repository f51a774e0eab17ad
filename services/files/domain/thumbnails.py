"""Small pictures of files in the library, made when somebody asks for them for the first time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from darkroom.operations.v1 import convert_pb2, operation_pb2, placement_pb2, resize_pb2
from services.files.domain.library import Download
from services.files.domain.shelf import Shelf, missing
from services.files.domain.streamed import StreamedFiles
from services.files.records import Viewer
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_WIDTH, _QUALITY = 300, 80
_PATIENCE_SECONDS = 20.0
"""For how long a caller waits, which is shorter than the edge does."""
_logger = get_logger()


class TaskRuns(Protocol):
    """Runs operations."""

    async def run(self, account_id: int, file_id: int, operations: Sequence[operation_pb2.Operation]) -> int:
        """The id of the one output of a task. Raises what its creation raises, and the reason that it failed for."""


class Thumbnails:
    """The thumbnail of each version: a JPEG. Callers at the same time wait for the same task."""

    def __init__(self, shelf: Shelf, files: StreamedFiles, tasks: TaskRuns) -> None:
        self._shelf, self._files, self._tasks = shelf, files, tasks
        self._making: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def download(self, viewer: Viewer, version: str, *, for_head: bool = False) -> Download:
        """A download of it. Raises FILE_NOT_FOUND, what a task raises, and UNAVAILABLE if that takes long: it goes on meanwhile."""
        found, _ = await self._shelf.get(viewer, version)
        account_id, version = viewer.account_id, str(found.entry.id)
        download = await self._shelf.thumbnail(account_id, version, for_head=for_head)
        if download is None:
            await self._made(account_id, version)
            download = await self._shelf.thumbnail(account_id, version, for_head=for_head)
        if download is None:
            # Somebody has deleted the version meanwhile.
            raise missing()
        return download

    async def _made(self, account_id: int, version: str) -> None:
        key = account_id, version
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(account_id, version))
            making.add_done_callback(lambda ended: self._end(key, ended))
        try:
            await asyncio.wait_for(asyncio.shield(making), _PATIENCE_SECONDS)
        except TimeoutError:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The thumbnail is still being made. Ask again in a few seconds.") from None

    def _end(self, key: tuple[int, str], ended: asyncio.Task[None]) -> None:
        del self._making[key]
        if not ended.cancelled() and (error := ended.exception()) is not None:
            # Nobody may be left who waits for it.
            _logger.info("thumbnail_not_made", error=str(error))

    async def _make(self, account_id: int, version: str) -> None:
        """Make it in a task, of a copy that is gone afterwards."""
        lent = await self._shelf.lend(account_id, version)
        try:
            output = await self._tasks.run(account_id, lent.id, _operations())
        finally:
            await asyncio.shield(self._files.discard(account_id, [lent.id]))
        await self._shelf.keep_thumbnail(account_id, version, output)


def _operations() -> list[operation_pb2.Operation]:
    narrow = resize_pb2.Resize(width=_WIDTH, fit=placement_pb2.FIT_BOUNDS, without_enlargement=True)
    jpeg = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_JPEG, quality=_QUALITY, color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True
    )
    return [operation_pb2.Operation(resize=narrow), operation_pb2.Operation(convert=jpeg)]
