"""Files in memory, by which another process gets and gives what it need not find by a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_memory(content: bytes = b"") -> Iterator[int]:
    """An open file with this content, to be read from its beginning; it has no name, and is gone when all have closed it."""
    file = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(file, content)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def shared(file: int) -> tuple[Path, int]:
    """Where another process of this machine and user can open a file that this one has open, and the number of its inode."""
    return Path(f"/proc/{os.getpid()}/fd/{file}"), os.fstat(file).st_ino


@contextmanager
def opened(path: Path, inode: int) -> Iterator[int]:
    """A file that another process has `shared`, open for reading. Raises OSError if it cannot be opened here, or is another file here."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(file).st_ino != inode:
            raise FileNotFoundError(f"{path} is another file")
        yield file
    finally:
        os.close(file)
