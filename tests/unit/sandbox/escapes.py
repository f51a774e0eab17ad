"""What a child that was taken over would try. Each function returns what it got, or raises what the kernel said."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import threading
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


def environment() -> dict[str, str]:
    return dict(os.environ)


def connect_to_address(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=5)


def connect_to_path(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as each:
        each.connect(path)


def pair_of_sockets() -> None:
    socket.socketpair()


def read_file(path: str) -> str:
    return Path(path).read_bytes().hex()


def read_given(path: Path) -> str:
    return path.read_text()


def list_folder(path: str) -> list[str]:
    return [each.name for each in Path(path).iterdir()]


def write_file(path: str) -> None:
    Path(path).write_text("taken over")


def write_given(path: Path) -> None:
    path.write_text("taken over")


def make_symbolic_link(path: Path, to: str) -> None:
    path.symlink_to(to)


def make_hard_link(path: Path, to: str) -> None:
    os.link(to, path)


def read_parent(name: str) -> str:
    return Path(f"/proc/{os.getppid()}/{name}").read_bytes()[:100].hex()


def start_process() -> None:
    os._exit(0) if os.fork() == 0 else None


def start_program() -> None:
    os.execv("/bin/true", ["true"])


def become_root() -> None:
    os.setuid(0)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def trace(pid: int) -> None:
    _call(101, 16, pid, 0, 0)  # PTRACE_ATTACH, on x86-64


def enter_namespace() -> None:
    if _libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def io_uring() -> None:
    _call(425, 1, 0)


def memory_of_another(pid: int) -> None:
    _call(310, pid, 0, 0, 0, 0, 0)  # process_vm_readv, on x86-64


def count_threads(wanted: int) -> int:
    """How many threads could be started."""
    end = threading.Event()
    started = []
    threading.stack_size(64 << 10)
    try:
        for _ in range(wanted):
            thread = threading.Thread(target=end.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        pass
    finally:
        end.set()
    return len(started)


def _call(*numbers: int) -> None:
    if _libc.syscall(*(ctypes.c_long(number) for number in numbers)) < 0:
        raise OSError(ctypes.get_errno(), "refused")
