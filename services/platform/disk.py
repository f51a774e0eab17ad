"""Refuses new work while the disk is nearly full, so that what has begun can end."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Gauge

from darkroom.internal.system.v1 import part_pb2
from services.platform.config import DiskSettings
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

INTERVAL_SECONDS = 3.0
_FREE = Gauge("darkroom_disk_free_bytes", "Free bytes of the disk that DARKROOM_DISK_PATH is on.")
_FULL = Gauge("darkroom_disk_full", "Whether new work is refused because fewer than DARKROOM_DISK_RESERVE_BYTES are free.")
_logger = get_logger()


class DiskGuard:
    """Knows whether there is room for new work. `step` is that of a background loop, which keeps the answer fresh.

    A disk that cannot be looked at does not keep anybody from working: the log says so.
    """

    def __init__(self, settings: DiskSettings) -> None:
        self._path, self._reserve = settings.disk_path, settings.disk_reserve_bytes
        self._full = False
        self._free = math.inf
        self._arriving = 0
        if self._path is not None:
            self._note(_free(self._path))

    def check(self) -> None:
        """Raises DISK_FULL when there is no room for new work."""
        if self._full:
            raise DarkroomError(
                ErrorReason.DISK_FULL,
                "The server's disk is nearly full, so it accepts no new tasks and uploads. Running tasks, downloads and deletions go on. "
                "Try again later.",
            )

    def has_room(self, size_bytes: int) -> bool:
        """Whether there is room for so much besides what is arriving."""
        return self._free - self._arriving - size_bytes >= self._reserve

    @contextmanager
    def arriving(self, size_bytes: int) -> Iterator[None]:
        """Keep room for an upload while it arrives. Nobody says how much of it has, so there is room for all of it until its end."""
        self._arriving += size_bytes
        try:
            yield
        finally:
            self._arriving -= size_bytes
            # It lies on the disk now. The next look says whether all of it does.
            self._free -= size_bytes

    async def tell(self, part: part_pb2.Part) -> None:
        """Add how much room there is now to what the process knows about the installation."""
        if self._path is None:
            return
        usage = await asyncio.to_thread(shutil.disk_usage, self._path)
        part.disk.free_bytes, part.disk.total_bytes, part.disk.reserve_bytes = usage.free, usage.total, self._reserve
        part.disk.full = usage.free < self._reserve

    async def step(self) -> bool:
        """Look once."""
        if self._path is not None:
            self._note(await asyncio.to_thread(_free, self._path))
        return False

    def _note(self, free: int) -> None:
        full = free < self._reserve
        _FREE.set(free)
        _FULL.set(full)
        if full != self._full:
            _logger.warning("disk_full" if full else "disk_has_room", path=str(self._path), free_bytes=free, reserve_bytes=self._reserve)
        self._full, self._free = full, free


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free
