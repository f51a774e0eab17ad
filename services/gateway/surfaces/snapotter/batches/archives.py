"""ZIP replies, whose entries come from storage one after the other while the client takes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from darkroom.files.v1 import file_pb2
from services.gateway.contents import Contents
from services.platform.backoff import retry_unavailable
from services.platform.content_disposition import attachment
from services.platform.errors import DarkroomError
from services.platform.log import get_logger
from services.platform.zip_archive import Entry, ZipArchive

_LONGEST = {"x-file-results": 40 << 10, "x-job-id": 10 << 10}
"""Bytes: the edge takes 60 KiB of headers, and clients often less. A header that would be longer is left out."""
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_STILL_SECONDS = 60.0
_PATIENCE_SECONDS = 20.0
"""For a service or storage that restarts."""
_PART_OF_ID = 8
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of an archive."""

    name: str
    file: file_pb2.File


class Archives:
    """Makes replies."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def reply(self, account_id: int, title: str, job_id: str, files: Mapping[str, ArchivedFile]) -> Response:
        """Files of an account as an archive, in their order. They are named in a header by their keys."""
        archive = ZipArchive([Entry(one.name, one.file.size_bytes, partial(self._read, account_id, one.file)) for one in files.values()])
        headers = {
            "x-job-id": quote(job_id, safe=_PRINTABLE).strip(),
            "x-file-results": json.dumps({key: one.name for key, one in files.items()}, separators=(",", ":")),
        }
        headers = {name: value for name, value in headers.items() if len(value) <= _LONGEST[name]}
        name = f"{title}-{job_id[:_PART_OF_ID]}.zip"
        headers |= {"content-disposition": attachment(name), "content-length": str(archive.size)}
        return _Unhurried(archive.pieces(), headers=headers, media_type="application/zip")

    def reply_stored(self, account_id: int, archive: file_pb2.File, name: str) -> Response:
        """A stored archive of an account, under this name."""
        headers = {"content-disposition": attachment(name), "content-length": str(archive.size_bytes)}
        return _Unhurried(self._read(account_id, archive), headers=headers, media_type="application/zip")

    async def _read(self, account_id: int, file: file_pb2.File) -> AsyncIterator[bytes]:
        """The content. Storage that fails in the middle is asked again, for what is left."""
        taken = 0
        pieces = self._pieces(account_id, file, taken)

        async def more() -> bytes | None:
            nonlocal pieces
            try:
                return await anext(pieces, None)
            except DarkroomError:
                pieces = self._pieces(account_id, file, taken)
                raise

        try:
            while (piece := await retry_unavailable(more, _PATIENCE_SECONDS)) is not None:
                taken += len(piece)
                yield piece
        except DarkroomError as error:
            # The connection breaks: the client has received a length.
            _logger.warning("archive_broken", file_id=file.id, error=str(error))
            raise
        finally:
            await pieces.aclose()

    async def _pieces(self, account_id: int, file: file_pb2.File, skipped: int) -> AsyncGenerator[bytes, None]:
        """The content after so many bytes."""
        async with self._contents.open(account_id, file) as pieces:
            async for piece in pieces:
                rest = piece[skipped:]
                skipped -= len(piece) - len(rest)
                if rest:
                    yield rest


class _Unhurried(StreamingResponse):
    """A reply of which nothing is read ahead. A client that takes nothing for a while is given up."""

    async def stream_response(self, send: Send) -> None:
        """Send it."""

        async def send_in_time(message: MutableMapping[str, Any]) -> None:
            async with asyncio.timeout(_STILL_SECONDS):
                await send(message)

        await super().stream_response(send_in_time)
