"""Files in memory that another process opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.platform.sandbox.memory_file import in_memory, opened, shared

_OPEN = Path("/proc/self/fd")
_READ = """
import os, sys
from pathlib import Path
from services.platform.sandbox.memory_file import opened
with opened(Path(sys.argv[1]), int(sys.argv[2])) as file:
    sys.stdout.write(os.pread(file, 100, 0).decode())
    try:
        os.pwrite(file, b"x", 0)
    except OSError:
        sys.stdout.write(", only to be read")
"""


def test_another_process_reads_what_is_shared() -> None:
    with in_memory(b"content") as file:
        path, inode = shared(file)
        read = subprocess.run([sys.executable, "-c", _READ, path, str(inode)], check=True, capture_output=True, text=True)
        assert read.stdout == "content, only to be read"


def test_a_path_to_another_file_is_not_opened() -> None:
    with in_memory(b"content") as file, in_memory(b"another") as other:
        path, _ = shared(file)
        _, inode = shared(other)
        before = len(list(_OPEN.iterdir()))
        with pytest.raises(FileNotFoundError), opened(path, inode):
            pass
        assert len(list(_OPEN.iterdir())) == before
