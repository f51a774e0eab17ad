"""TCP ports and folders for servers that live only as long as a test or a benchmark."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

# Below the ports that stacks choose from (20000 and up) and those that Linux uses for outgoing connections (32768 and up). Processes with
# neighbouring ids choose from different ranges, so that two do not take one port between the choice and the server's start.
_FIRST, _PARTS, _EACH = 10_000, 16, 600
_START = random.randrange(_EACH)
_PORTS = (_FIRST + os.getpid() % _PARTS * _EACH + (_START + offset) % _EACH for offset in itertools.count())
_MEMORY = Path("/dev/shm")  # noqa: S108 - each folder in it is private
_ROOM = 8 << 30


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, and that was not recently returned to this process."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


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
