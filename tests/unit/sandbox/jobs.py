"""Functions that the sandbox's tests run in children."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.platform.errors import DarkroomError, ErrorReason


def echo(value: Any) -> Any:
    return value


def whoami() -> list[int]:
    return [os.getpid(), os.getppid(), threading.active_count()]


_rehearsals: list[tuple[int, int]] = []


def rehearse(source: int, target: int) -> None:
    _rehearsals.append((os.write(target, b"x"), len(os.read(source, 9))))


def misrehearse(_source: int, _target: int) -> None:
    raise ValueError("forgot the words")


def rehearsals() -> tuple[int, list[tuple[int, int]]]:
    """The process, and what it has written and read in each."""
    return os.getpid(), _rehearsals


def faults() -> int:
    """Pages that the kernel had to provide for 24 MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray(b"x") * (6 << 20) for _ in range(4)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def has_loaded(module: str) -> bool:
    return module in sys.modules


def count_to(last: int, on_step: Callable[[int, int], None]) -> str:
    for step in range(last):
        on_step(step + 1, last)
    return "done"


def refuse() -> None:
    raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is damaged.", field="files[0]", allowed=["png"], metadata={"id": "7"})


def misuse() -> None:
    raise LookupError("a defect in the function")


def unencodable() -> Any:
    return {1, 2}


def allocate(length: int) -> int:
    return len(bytearray(length))


def burn_processor() -> None:
    while True:
        pass


def write_pid_and_wait(path: Path) -> None:
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(path)
    threading.Event().wait()


def fault() -> None:
    ctypes.string_at(0)


def leave(status: int) -> None:
    os._exit(status)


def die_by(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def open_many(count: int) -> int:
    return len([os.open("/dev/null", os.O_RDONLY) for _ in range(count)])


def write_file(path: Path, length: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path.write_bytes(bytes(length))


def speak_nonsense() -> None:
    """A parser that was taken over writes to the socket itself."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\x04\x00\x00\x00\x05{oops")
        except OSError:
            continue
    os._exit(0)


def promise_too_much() -> None:
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\x05\xff\xff\xff\xff")
        except OSError:
            continue
    threading.Event().wait()


def copy(source: int, target: int, on_step: Callable[[int], None]) -> int:
    """Copy between open files, as warm children get them; returns who did it."""
    content = os.pread(source, 1 << 20, 0)
    on_step(len(content))
    os.pwrite(target, content, 0)
    return os.getpid()


def open_path(_source: int, path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def pid_and_wait(source: int) -> None:
    os.pwrite(source, str(os.getpid()).encode(), 0)
    threading.Event().wait()


def find_no_room() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/secret/path")
