"""The machine as a stack of chaos sees it: a small disk that can be filled, and a clock that can be stepped, both of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deploy.local import supervisor
from deploy.local.layout import Layout

_SOURCE = Path(__file__).parent / "clock.c"
_DISK_BYTES = 2 << 30
_CHUNK = 1 << 20


class SmallDisk:
    """A tmpfs for the folder of a stack. Without the right to mount one, a folder that cannot be filled."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder, self.mounted = folder, mounted
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no byte of it, also of what became free since the last call."""
        with self._filler.open("ab") as filler:
            for size in (_CHUNK, os.sysconf("SC_PAGE_SIZE")):
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, size)

    def empty(self) -> None:
        """Give back what was filled."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """A disk until the block ends; what is in it is deleted."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-disk-"))
    # PostgreSQL's user passes through.
    folder.chmod(0o711)
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=711", "darkroom", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0
    try:
        yield SmallDisk(folder, mounted=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder)


class SteppedClock:
    """The time of day of all processes of a stack but NATS and the S3 server, which ask the kernel themselves."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock", folder / "clock.so"
        self.step(0)
        self._file.chmod(0o644)
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE)]
        compiled = shutil.which("cc") is not None and subprocess.run(command, check=False).returncode == 0
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)} if compiled else {}

    def step(self, seconds: int) -> None:
        """Be so many seconds ahead of this machine."""
        with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT), "wb") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


@contextmanager
def stepped_clock(folder: Path) -> Iterator[SteppedClock]:
    """The clock of stacks that are started before the block ends."""
    clock, real = SteppedClock(folder), supervisor.inherited_environment

    def inherited(layout: Layout) -> Mapping[str, str]:
        return {**real(layout), **clock.environment}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "inherited_environment", inherited)
        yield clock
