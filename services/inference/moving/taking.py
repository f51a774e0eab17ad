"""Taking a file from a child's folder once the child has ended."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from services.platform.sandbox import SandboxCrashed


def taken(file: Path, folder: Path, name: str, suffix: str = "") -> Path:
    """Move a file into a folder, under a name of its own that begins so.

    Raises SandboxCrashed if it is none, as a child that was taken over may leave a link.
    """
    try:
        mode = os.lstat(file)
    except OSError as error:
        raise SandboxCrashed("the child left no file") from error
    if not stat.S_ISREG(mode.st_mode) or mode.st_nlink != 1:
        raise SandboxCrashed("the child left no file")
    handle, name = tempfile.mkstemp(prefix=f"{name}-", suffix=suffix, dir=folder)
    os.close(handle)
    return file.rename(name)
