"""Finds the Triton server inside the PyTriton wheel, makes its Python backend usable without PyTriton, and removes its old shared memory.

The wheel holds the server, the Python backend and one stub (the process that runs a model) for each version of Python. The server needs
backend and stub in one folder, and its own libraries on the search path. It talks to the processes of its Python backend through
shared-memory regions. Their names start with a prefix of the server that created them, so that concurrent servers do not collide. A
killed server leaves its regions behind; the next one to start removes them.
"""

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from models.errors import ServeError

_STUB = "triton_python_backend_stub"
_FOLDER = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives on Linux
_NAME = re.compile(r"darkroom-triton-(?P<namespace>\d+)-(?P<pid>\d+)-")


@dataclass(frozen=True, slots=True)
class TritonEnvironment:
    """Where the parts of a Triton server are in a virtual environment."""

    server: Path
    libraries: Path
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
    return TritonEnvironment(server=server, libraries=libraries, executables=venv / "bin", backends=_backends(venv, backend, stub))


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
