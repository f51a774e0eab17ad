"""Files and folders that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can enter (0700), and those above it that are missing. An existing one is closed to others."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def write_private(path: Path, content: str) -> None:
    """Replace a file in one step, readable by its owner only (0600)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
