"""Probing from a service: in a sandboxed child, which fetches ranges through a presigned URL."""

from __future__ import annotations

import dataclasses
from typing import Any

from services.common.errors import DarkroomError, ErrorReason
from services.common.sandbox import (
    Limits,
    Sandbox,
    SandboxCrashed,
    SandboxFailed,
    SandboxOutOfMemory,
    SandboxTimedOut,
)
from services.files.probe.model import Probe
from services.files.probe.ranges import http_ranges
from services.files.probe.sniff import DEFAULT_MAX_READ_BYTES, probe


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeLimits:
    """What examining one file may use."""

    read_bytes: int = DEFAULT_MAX_READ_BYTES
    """Bytes fetched from storage."""
    memory_bytes: int = 1 << 30
    """Address space of the child, including libraries (about 250 MB)."""
    cpu_seconds: int = 10
    wall_seconds: float = 30.0
    http_timeout_seconds: float = 10.0
    """Longest wait without a byte from storage."""


class Prober:
    """Examines files in a sandbox, which may be shared and should preload `services.files.probe.prober`."""

    def __init__(self, sandbox: Sandbox, limits: ProbeLimits | None = None) -> None:
        self._sandbox = sandbox
        self._limits = limits or ProbeLimits()

    async def probe(self, url: str, size: int, etag: str | None = None) -> Probe:
        """What the object of `size` bytes behind a presigned GET URL is. Services must be able to reach the URL.

        With `etag`, an object with a different one is refused. Raises what `sniff.probe` and `http_ranges` raise, and
        FILE_CORRUPT or MEDIA_LIMIT_EXCEEDED for a file that made the child crash or exceed its limits.
        """
        limits = self._limits
        try:
            found = await self._sandbox.run(
                probe_url,
                url,
                size,
                etag,
                limits.read_bytes,
                limits.http_timeout_seconds,
                limits=Limits(
                    memory_bytes=limits.memory_bytes,
                    cpu_seconds=limits.cpu_seconds,
                    wall_seconds=limits.wall_seconds,
                    file_bytes=0,
                ),
            )
        except (SandboxTimedOut, SandboxOutOfMemory) as error:
            raise DarkroomError(
                ErrorReason.MEDIA_LIMIT_EXCEEDED, "The file is too complex: examining it took too much time or memory."
            ) from error
        except SandboxCrashed as error:
            raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is damaged: it cannot be read.") from error
        except SandboxFailed as error:
            raise DarkroomError(ErrorReason.INTERNAL, "Internal error.") from error
        return Probe(**found)


def probe_url(url: str, size: int, etag: str | None, max_read_bytes: int, http_timeout_seconds: float) -> dict[str, Any]:
    """Runs in the child: the fields of the Probe of the object behind `url`."""
    with http_ranges(url, size, etag, http_timeout_seconds) as read:
        return dataclasses.asdict(probe(read, size, max_read_bytes))
