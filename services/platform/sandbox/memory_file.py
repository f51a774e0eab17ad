"""Files in memory, by which a child gets and gives what it need not find by a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


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
