"""Probing from a service, in sandboxed children: a small file in one that is kept for its account, a large one in a child of its own, which
is given the ranges of the file that it asks for."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from services.pictures.probe import child
from services.pictures.probe.faults import UNREADABLE
from services.pictures.probe.model import Probe
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_http import Answer, ObjectHttp, ObjectHttpError
from services.platform.sandbox import (
    Limits,
    Sandbox,
    SandboxCrashed,
    SandboxFailed,
    SandboxLost,
    SandboxOutOfMemory,
    SandboxTimedOut,
    WarmChildren,
)
from services.platform.sandbox.memory_file import in_memory

_logger = get_logger()
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class StoredRanges:
    """Ranges of an object behind a presigned URL, for a reader that is not trusted: no more than `budget` bytes in all.

    Some servers, such as rclone, answer a range with status 200 and Content-Range, so only the header is checked. Raises UNAVAILABLE if
    the storage does not answer, FILE_SIZE_MISMATCH if the object is not the one with this size and ETag, and MEDIA_LIMIT_EXCEEDED for a
    range outside of the object or the budget.
    """

    def __init__(self, client: ObjectHttp, url: str, size: int, etag: str | None, budget: int) -> None:
        self._client, self._url, self._size, self._etag, self._left = client, url, size, etag, budget

    async def __call__(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on."""
        offset, length = int(offset), int(length)
        self._left -= length
        if offset < 0 or length < 1 or offset + length > self._size or self._left < 0:
            raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "The file's structure takes too many bytes to read.")
        try:
            async with self._client.request("GET", self._url, {"Range": f"bytes={offset}-{offset + length - 1}"}) as answer:
                return await self._body(answer, offset, length)
        except ObjectHttpError as error:
            raise _unavailable() from error

    async def _body(self, answer: Answer, offset: int, length: int) -> bytes:
        if answer.status in (404, 412, 416):
            raise _changed()
        if answer.status not in (200, 206):
            raise _unavailable()
        if self._etag is not None and (answer.etag or "").strip('"') != self._etag.strip('"'):
            raise _changed()
        span = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if span is not None:
            if span[3] not in (str(self._size), "*"):
                raise _changed()
            if (int(span[1]), int(span[2])) != (offset, offset + length - 1):
                raise _unavailable()
        elif (offset, length) != (0, self._size):
            raise _unavailable()
        data = await answer.read(length)
        if len(data) > length:
            raise _changed()
        if len(data) != length:
            raise _unavailable()
        return data


def _unavailable() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "The file could not be read from storage. Try again later.")


def _changed() -> DarkroomError:
    return DarkroomError(ErrorReason.FILE_SIZE_MISMATCH, "The file changed or vanished while it was examined.")


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeLimits:
    """The limits of examining one file."""

    read_bytes: int = 32 << 20
    """Bytes fetched from storage."""
    memory_bytes: int = 1 << 30
    """Address space of the child, including libraries (about 250 MB)."""
    cpu_seconds: int = 10
    wall_seconds: float = 30.0

    @property
    def of_child(self) -> Limits:
        return Limits(memory_bytes=self.memory_bytes, cpu_seconds=self.cpu_seconds, wall_seconds=self.wall_seconds, file_bytes=0)


class Prober:
    """Examines files in a sandbox, which should preload `services.pictures.probe.child`; `children` are of the same sandbox."""

    def __init__(self, sandbox: Sandbox, children: WarmChildren, storage: ObjectHttp, limits: ProbeLimits | None = None) -> None:
        self._sandbox = sandbox
        self._children = children
        self._storage = storage
        self._limits = limits or ProbeLimits()

    async def probe(self, account_id: int, url: str, size: int, etag: str | None = None, head: bytes = b"", name: str = "") -> Probe:
        """The type of an account's object of `size` bytes behind a presigned GET URL. Services must be able to reach the URL.

        `head` is its beginning, or all of it, as far as that has been read. With `etag`, an object with a different one is refused. `name`
        counts only where `media_format.sniff` needs it.

        Raises what `child.probe` and `StoredRanges` raise, and FILE_CORRUPT or MEDIA_LIMIT_EXCEEDED for a file that made the child fail or
        exceed its limits.
        """
        try:
            if head and len(head) == size:
                return Probe(**await self._probe_whole(account_id, head, name))
            limits = self._limits
            found = await self._sandbox.run(
                child.probe_ranges,
                size,
                limits.read_bytes,
                head,
                name,
                answers=StoredRanges(self._storage, url, size, etag, limits.read_bytes),
                limits=limits.of_child,
            )
        except (SandboxTimedOut, SandboxOutOfMemory) as error:
            raise DarkroomError(
                ErrorReason.MEDIA_LIMIT_EXCEEDED,
                "The file is too complex: examining it took too much time or memory.",
                metadata=UNREADABLE,
            ) from error
        except SandboxLost as error:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The file cannot be examined at the moment. Try again later.") from error
        except (SandboxCrashed, SandboxFailed) as error:
            if isinstance(error, SandboxFailed):
                # Nothing but the file can be the cause, and a parser of ours has not foreseen it.
                _logger.error("probe_failed", exc_info=error)
            raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is damaged: it cannot be read.", metadata=UNREADABLE) from error
        return Probe(**found)

    async def _probe_whole(self, account_id: int, content: bytes, name: str) -> dict[str, Any]:
        with in_memory(content) as file:
            return await self._children.run(account_id, child.probe_open, [file], name, urgent=True)
