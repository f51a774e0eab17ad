"""Finds the Triton server inside the PyTriton wheel, makes its Python backend usable without PyTriton, and keeps its
shared memory private and clean.

The wheel holds the server, the Python backend and one stub (the process that runs a model) for each version of Python. The server needs
backend and stub in one folder, and its own libraries on the search path. It talks to the processes of its Python backend through
shared-memory regions. Their names start with a prefix of the server that created them, so that concurrent servers do not collide. A
killed server leaves its regions behind; the next one to start removes them.
"""

import ctypes
import platform
import re
import shutil
import struct
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import ServeError
from models.preconditions import python_library_folders

_STUB = "triton_python_backend_stub"
_FOLDER = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives on Linux
_NAME = re.compile(r"darkroom-triton-(?P<namespace>\d+)-(?P<pid>\d+)-")
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_UNLESS_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ARCHITECTURE_OFFSET, _NUMBER_OFFSET = 4, 0
# The call is not made, and returns 0.
_DONE, _ALLOW = 0x00050000, 0x7FFF0000
# The kernel's name of the architecture, and the number of fchmod there.
_FCHMOD = {"x86_64": (0xC000003E, 91), "aarch64": (0xC00000B7, 52)}


@dataclass(frozen=True, slots=True)
class TritonEnvironment:
    """Where the parts of a Triton server are in a virtual environment."""

    server: Path
    stub: Path
    libraries: Sequence[Path]
    """Folders: of the wheel's own libraries, and of libpython where the loader does not know it."""
    executables: Path
    backends: Path


def prepare(venv: Path) -> TritonEnvironment:
    """The Triton of a virtual environment with `nvidia-pytriton`; creates its backend folder if it does not exist yet.

    Raises ServeError if the environment lacks a part.
    """
    # Not resolved: the environment's Python may be a link to one outside it.
    venv = venv.absolute()
    site_packages = sorted(venv.glob("lib/python3.*/site-packages"))
    if len(site_packages) != 1:
        raise ServeError(f"{venv}: not a virtual environment with one Python")
    version = site_packages[0].parent.name.removeprefix("python")
    triton = site_packages[0] / "pytriton" / "tritonserver"
    parts = {
        "the server": triton / "bin" / "tritonserver",
        "its libraries": site_packages[0] / "nvidia_pytriton.libs",
        "its Python backend": triton / "backends" / "python",
        f"its stub for Python {version}": triton / "python_backend_stubs" / version / _STUB,
    }
    for what, path in parts.items():
        if not path.exists():
            raise ServeError(f"{what} is missing at {path}: install nvidia-pytriton into {venv}")
    server, libraries, backend, stub = parts.values()
    return TritonEnvironment(
        server=server,
        stub=stub,
        libraries=[libraries, *python_library_folders(venv, version)],
        executables=venv / "bin",
        backends=_backends(venv, backend, stub),
    )


def _backends(venv: Path, backend: Path, stub: Path) -> Path:
    """A folder that contains the folder `python`, created once per version of the wheel; servers that start together share it."""
    marks = "-".join(str(path.stat().st_mtime_ns) for path in (backend / "libtriton_python.so", stub))
    backends = venv / "share" / f"triton-backends-{marks}"
    if not backends.exists():
        backends.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=backends.parent, prefix=".triton-backends-") as temporary:
            made = Path(temporary, "made")
            shutil.copytree(backend, made / "python")
            shutil.copy2(stub, made / "python" / _STUB)
            try:
                made.rename(backends)
            except OSError:
                # Another server was faster; its folder is the same.
                if not backends.is_dir():
                    raise
    return backends


def region_prefix(pid: int) -> str:
    """The prefix of the server with process id `pid`.

    A process id is unique only within its namespace, and /dev/shm may be shared between containers.
    """
    return f"darkroom-triton-{_pid_namespace()}-{pid}-"


def remove_stale_regions(folder: Path = _FOLDER) -> list[str]:
    """Removes the regions of servers that no longer run, and returns their names."""
    removed = []
    for path in sorted(folder.glob("darkroom-triton-*")):
        match = _NAME.match(path.name)
        if match and int(match["namespace"]) == _pid_namespace() and not Path("/proc", match["pid"]).exists():
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def _pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def keep_creation_modes() -> None:
    """Keep the modes with which this process and its children create files: make `fchmod` without effect; it still succeeds.

    Triton's Python backend creates its shared-memory regions readable by every user of the machine: it undoes the umask with `fchmod`,
    right after it has created one, so that a `chmod` from outside would come too late for a reader who waits for the file. With the system
    call made ineffective, the umask decides. If the kernel does not allow it, says so on standard error.
    """
    known = _FCHMOD.get(platform.machine())
    if known is None or not _install_filter(*known):
        print("models.serve: every user of this machine can read the models' shared memory in /dev/shm", file=sys.stderr, flush=True)


def _install_filter(architecture: int, number: int) -> bool:
    instructions = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
            (_JUMP_UNLESS_EQUAL, 0, 3, architecture),
            (_LOAD, 0, 0, _NUMBER_OFFSET),
            (_JUMP_UNLESS_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _DONE),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    content = ctypes.create_string_buffer(instructions)
    program = _Filter(len(instructions) // 8, ctypes.addressof(content))
    library = ctypes.CDLL(None)
    statuses = (
        library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        library.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program)),
    )
    return statuses == (0, 0)
