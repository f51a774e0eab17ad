"""Where stacks that are thrown away keep their files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - each folder in it is private
_ROOM = 8 << 30


def new_folder(memory: Path = _MEMORY, room: int = _ROOM) -> Path:
    """A private folder with a short path, since it will hold Unix sockets: in memory if there is plenty, else where temporary files go.

    A new database is hundreds of files, whose creation takes a disk's file system three times as long as one in memory.
    """
    plenty = os.access(memory, os.W_OK) and min(shutil.disk_usage(memory).free, _available()) > room
    return Path(tempfile.mkdtemp(prefix="darkroom-", dir=memory if plenty else None))


def _available() -> int:
    """Bytes of memory that could be used without swapping; 0 if the kernel does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
