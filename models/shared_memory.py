"""The shared-memory regions through which Triton talks to the processes of its Python backend.

Their names start with a prefix of the server that created them, so that concurrent servers do not collide. A killed server leaves its
regions behind; the next one to start removes them.
"""

import re
from pathlib import Path

_FOLDER = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives on Linux
_NAME = re.compile(r"darkroom-triton-(?P<namespace>\d+)-(?P<pid>\d+)-")


def region_prefix(pid: int) -> str:
    """The prefix of the server with process id `pid`.

    A process id is unique only within its namespace, and /dev/shm may be shared between containers.
    """
    return f"darkroom-triton-{_pid_namespace()}-{pid}-"


def remove_stale_regions(folder: Path = _FOLDER) -> list[str]:
    """Removes the regions of servers that no longer run, and returns their names."""
    removed = []
    for path in sorted(folder.glob("darkroom-triton-*")):
        match = _NAME.match(path.name)
        if match and int(match["namespace"]) == _pid_namespace() and not Path("/proc", match["pid"]).exists():
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def _pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino
