"""Unpacking archives; no entry may write outside its folder."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Extract all files and folders. Raises tarfile.TarError for what leads out of the folder, or is no file.

    It is tarfile's own filter `data` (PEP 706) where Python has it, from 3.11.4 on; Debian 12 has 3.11.2.
    """
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
    else:
        tar.extractall(folder, members=_harmless(tar))  # noqa: S202 - which looks at each


def _harmless(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
            raise tarfile.ExtractError(f"{member.name} is not a file inside the archive's folder")
        # The user who unpacks it owns it.
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        member.mode = (member.mode & 0o755) | (0o700 if member.isdir() else 0o600)
        yield member
