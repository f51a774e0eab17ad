"""Probing from a service, in sandboxed children: a small file in one that is kept for its account, a large one in a child of its own, which
is given the ranges of the file that it asks for."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.files.probe import child
from services.files.probe.faults import UNREADABLE
from services.files.probe.model import Probe
from services.files.probe.stored import StoredRanges
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import ObjectHttp
from services.platform.sandbox import (
    Limits,
    Sandbox,
    SandboxCrashed,
    SandboxFailed,
    SandboxOutOfMemory,
    SandboxTimedOut,
    WarmChildren,
)


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeLimits:
    """What examining one file may use."""

    read_bytes: int = 32 << 20
    """Bytes fetched from storage."""
    memory_bytes: int = 1 << 30
    """Address space of the child, including libraries (about 250 MB)."""
    cpu_seconds: int = 10
    wall_seconds: float = 30.0

    @property
    def of_child(self) -> Limits:
        """What the child may use."""
        return Limits(memory_bytes=self.memory_bytes, cpu_seconds=self.cpu_seconds, wall_seconds=self.wall_seconds, file_bytes=0)


class Prober:
    """Examines files in a sandbox, which should preload `services.files.probe.child`; `children` are of the same sandbox."""

    def __init__(self, sandbox: Sandbox, children: WarmChildren, storage: ObjectHttp, limits: ProbeLimits | None = None) -> None:
        self._sandbox = sandbox
        self._children = children
        self._storage = storage
        self._limits = limits or ProbeLimits()

    async def probe(self, account_id: int, url: str, size: int, etag: str | None = None, head: bytes = b"", name: str = "") -> Probe:
        """What the object of `size` bytes of an account behind a presigned GET URL is. Services must be able to reach the URL.

        `head` is its beginning, or all of it, as far as that has been read. With `etag`, an object with a different one is refused. `name`
        counts only where `media_format.sniff` needs it.

        Raises what `sniff.probe` and `StoredRanges` raise, and FILE_CORRUPT or MEDIA_LIMIT_EXCEEDED for a file that made the child crash or
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
                ranges=StoredRanges(self._storage, url, size, etag, limits.read_bytes),
                limits=limits.of_child,
            )
        except (SandboxTimedOut, SandboxOutOfMemory) as error:
            raise DarkroomError(
                ErrorReason.MEDIA_LIMIT_EXCEEDED,
                "The file is too complex: examining it took too much time or memory.",
                metadata=UNREADABLE,
            ) from error
        except SandboxCrashed as error:
            raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is damaged: it cannot be read.", metadata=UNREADABLE) from error
        except SandboxFailed as error:
            raise DarkroomError(ErrorReason.INTERNAL, "Internal error.") from error
        return Probe(**found)

    async def _probe_whole(self, account_id: int, content: bytes, name: str) -> dict[str, Any]:
        with _in_memory(content) as file:
            return await self._children.run(account_id, child.probe_open, [file], name, urgent=True)


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """A file with this content, without a name."""
    file = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(file, content)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)
