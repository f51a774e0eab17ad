"""The installed packages where every user may read them, though they lie in a folder that only root may enter."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

from services.platform.sandbox import kernel


def make(libraries: Iterable[str]) -> int:
    """The open file of a mount namespace in which all users may enter the folders above these files and folders, and find nothing else in
    them. This process stays outside. Raises OSError."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            try:
                mount(libraries)
                theirs.send(b"\0")
                ours.close()
                theirs.recv(1)
            finally:
                os._exit(0)
        theirs.close()
        try:
            if not ours.recv(1):
                raise OSError("the packages could not be mounted where children may read them")
            return os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
        finally:
            ours.close()
            os.waitpid(pid, 0)


def mount(libraries: Iterable[str]) -> None:
    """Take this process to such a namespace. Raises OSError."""
    places = {place for library in map(Path, libraries) for place in (library, library.resolve()) if place.exists()}
    closed = {place: above for place in places if (above := _closed_above(place)) is not None}
    kernel.leave_mounts()
    held = {place: os.open(place, os.O_PATH) for place in closed}
    os.umask(0o022)
    for above in set(closed.values()):
        kernel.cover(str(above))
    for place, file in sorted(held.items()):
        source = Path(f"/proc/self/fd/{file}")
        if source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        kernel.bind(str(source), str(place))


def _closed_above(place: Path) -> Path | None:
    """The outermost folder above a place that not everybody may enter."""
    return next((folder for folder in reversed(place.parents) if not folder.stat().st_mode & stat.S_IXOTH), None)
