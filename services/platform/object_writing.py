"""Bytes of a length that is not known before, into object storage while they arrive: small files at one go, large ones in parts.

At most two blocks of a file are in memory, and nothing more is read while both are on their way: a slow storage slows the sender down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Protocol

from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_http import ONLY_IF_ABSENT, ObjectHttp, ObjectHttpError
from services.platform.object_refusals import Refusal, refusal_of
from services.platform.process import end

HEAD_BYTES = 4096
"""How many of its first bytes show the type of a file."""
SMALL_BYTES = 4 << 20
"""A file of up to this size comes and goes with the calls that create and open it."""
_REPLY_BYTES = 64 << 10
_PATIENCE_SECONDS = 20.0
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class StartedFile:
    """A file that has a record."""

    file_id: int
    url: str = ""
    """Where to PUT it; empty for a file that goes in parts, or is stored."""
    only_if_absent: bool = False
    """Whether the storage can keep existing objects on request."""
    name: str = ""
    """For one that is held, which has no record: its name, fit for a file."""
    media_type: str = ""
    """The Content-Type that the PUT to the URL must have; empty for none."""
    output_file_id: int = 0
    """For one that is held: the id for a result."""


class Target(Protocol):
    """Where one file goes."""

    async def begin(self, head: bytes, size: int | None, content: bytes) -> StartedFile:
        """Create the file's record; its bytes go to a URL if the size is known.

        `content` is all of a small file; a target that has stored it gives no URL.
        """

    async def part_url(self, file_id: int, number: int) -> str:
        """The URL to PUT a part to; parts count from 1."""

    async def complete(self, file_id: int, etags: Sequence[str]) -> None:
        """Join the parts."""

    async def discard(self, file_id: int) -> None:
        """Delete what was written."""


@dataclass(frozen=True, slots=True)
class ObjectWriter:
    """Writes files to storage."""

    http: ObjectHttp
    block_bytes: int = 8 << 20
    """Files of up to this size are written at one go; larger ones in parts of it."""
    refused: Callable[[Refusal], DarkroomError] | None = None
    """The error for what the storage refuses, and would again; None: UNAVAILABLE, as for all that goes wrong."""

    async def write(self, target: Target, chunks: AsyncIterator[bytes], limit: int) -> int:
        """The id of the file that holds the chunks. If anything goes wrong, what was written is deleted.

        Raises FILE_TOO_LARGE above `limit` bytes, UNAVAILABLE, and what the target and the chunks raise.
        """
        file_id: int | None = None
        etags: list[str] = []
        storing: asyncio.Task[str] | None = None
        try:
            async for block, last in self._blocks(chunks, limit):
                if file_id is None:
                    content = block if last and len(block) <= SMALL_BYTES else b""
                    begun = await target.begin(block[:HEAD_BYTES], len(block) if last else None, content)
                    file_id = begun.file_id
                    if last:
                        if begun.url:
                            headers = {"Content-Type": begun.media_type} if begun.media_type else {}
                            await self._put(begun.url, block, headers | (ONLY_IF_ABSENT if begun.only_if_absent else {}))
                        return file_id
                if storing is not None:
                    etags.append(await storing)
                url = await target.part_url(file_id, len(etags) + 1)
                storing = asyncio.create_task(self._put(url, block))
            assert file_id is not None
            assert storing is not None
            etags.append(await storing)
            await target.complete(file_id, etags)
        except BaseException:
            if storing is not None:
                await end(storing)
                with suppress(BaseException):
                    storing.exception()
            if file_id is not None:
                await _discard(target, file_id)
            raise
        return file_id

    async def _blocks(self, chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[tuple[bytes, bool]]:
        """Blocks of `block_bytes`, and a last one, which may be empty only if it is the first."""
        pieces: list[bytes] = []
        gathered = received = 0
        async for chunk in chunks:
            received += len(chunk)
            if received > limit:
                raise DarkroomError(ErrorReason.FILE_TOO_LARGE, f"The file has more than {limit} bytes, the most that are allowed.")
            # Held back until more arrives, so that the last block is known to be the last.
            if gathered >= self.block_bytes:
                together = b"".join(pieces)
                block, pieces, gathered = together[: self.block_bytes], [together[self.block_bytes :]], gathered - self.block_bytes
                del together
                yield block, False
            pieces.append(chunk)
            gathered += len(chunk)
        together = b"".join(pieces)
        while len(together) > self.block_bytes:
            yield together[: self.block_bytes], False
            together = together[self.block_bytes :]
        yield together, True

    async def _put(self, url: str, block: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Store a block, and return its ETag."""
        return await retry_unavailable(partial(self._put_once, url, block, headers), _PATIENCE_SECONDS)

    async def _put_once(self, url: str, block: bytes, headers: Mapping[str, str] | None) -> str:
        try:
            async with self.http.request("PUT", url, headers, block) as answer:
                if answer.status == HTTPStatus.OK:
                    await answer.read(_REPLY_BYTES)
                    return answer.etag or ""
                refusal = await refusal_of(answer)
        except ObjectHttpError as error:
            _logger.warning("storage_failed", operation="PUT", error=str(error))
            raise _unavailable() from error
        if headers and ONLY_IF_ABSENT.items() <= headers.items() and refusal.status == HTTPStatus.PRECONDITION_FAILED:
            # Only this call writes there: the answer to an earlier attempt was lost.
            return ""
        _logger.warning("storage_failed", operation="PUT", status=refusal.status, code=refusal.code)
        raise self.refused(refusal) if self.refused is not None and not refusal.passes else _unavailable()


async def _discard(target: Target, file_id: int) -> None:
    try:
        await asyncio.shield(target.discard(file_id))
    except DarkroomError as error:
        # It expires.
        _logger.warning("file_not_discarded", file_id=file_id, error=str(error))


def _unavailable() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Storage cannot be reached. Try again later.")
