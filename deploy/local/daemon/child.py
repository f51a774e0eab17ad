"""A forked process in the place of a fresh interpreter, and the modules that are loaded once for all of them."""

from __future__ import annotations

import atexit
import ctypes
import gc
import io
import os
import re
import runpy
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# Settings that Python makes at its start.
_PYTHONS_SIGNALS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGPIPE: signal.SIG_IGN,
    signal.SIGXFSZ: signal.SIG_IGN,
}
# Fields of /proc/PID/stat after the name and its parenthesis.
_ARGUMENTS_START, _ARGUMENTS_END = 45, 46
# How the language of the environment has text read and written: encoding, and what becomes of the rest.
_AS_AT_START = [(one.encoding, one.errors) for one in (sys.stdin, sys.stdout, sys.stderr)]
_kept: list[object] = []
_Version = tuple[int, int, int]


def read_environment(file: Path) -> dict[str, str]:
    """The variables of a file of `NAME=value` lines with values quoted for a shell. Raises ValueError for anything else in it."""
    found = [_ASSIGNMENT.fullmatch(word) for word in shlex.split(file.read_text())]
    if None in found:
        raise ValueError(f"{file} has other lines than NAME=value")
    return {one[1]: one[2] for one in found if one}


def run(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """The same as `python -u -m MODULE ARGUMENTS`, in this process, which ends with it."""
    status = 1
    try:
        status = _run(module, arguments, environment)
    finally:
        os._exit(status)


def _begin(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        # One that is ignored stays so, as over an exec.
        if callable(handler) or (number in _PYTHONS_SIGNALS and handler is not signal.SIG_IGN):
            signal.signal(number, _PYTHONS_SIGNALS.get(number, signal.SIG_DFL))
    os.environ.clear()
    os.environ.update(environment)
    # It was found out for another environment.
    tempfile.tempdir = None
    # The parent's own: they are closed when they are forgotten, and their numbers belong to others here.
    _kept.extend((sys.stdin, sys.stdout, sys.stderr))
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(descriptor, *_AS_AT_START[descriptor])
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = [module, *arguments]
    # It may have been loaded, for what it imports.
    sys.modules.pop(f"{module}.__main__", None)
    with suppress(OSError):
        _show_as(module, arguments)


def _stream(descriptor: int, encoding: str, errors: str | None) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w" if descriptor else "r", closefd=False)
    buffer: Any = raw if descriptor else io.BufferedReader(raw)
    return io.TextIOWrapper(buffer, encoding, errors, write_through=True)


def _run(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    status = 0
    try:
        _begin(module, arguments, environment)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = _status(end.code)
    except BaseException as error:  # noqa: BLE001 - as at the end of any interpreter
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    # The steps of an interpreter at its end, in this order; `multiprocessing` ends its forks alike.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    return status


def _status(code: object) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


def _show_as(module: str, arguments: Sequence[str]) -> None:
    """Have `ps` and `top` show the command that this process stands for: in its name, and over the arguments in its memory."""
    title = "\0".join((sys.executable, "-m", module, *arguments)).encode()
    Path("/proc/self/comm").write_text(module.rpartition(".")[2])
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[_ARGUMENTS_START]), int(fields[_ARGUMENTS_END])
    if start and len(title) < end - start:
        ctypes.memmove(start, title.ljust(end - start, b"\0"), end - start)


class Preloader:
    """Loads modules, and checks whether a fork may use the loaded state."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._versions: Mapping[str, _Version] | None = None

    def load(self) -> str:
        """Load the modules, at the first call. Returns why no fork will use them; empty if nothing is wrong."""
        if self._versions is not None:
            return ""
        self._versions = {}
        try:
            for module in self._modules:
                import_module(module)
            files = {file for module in [*sys.modules.values()] if (file := getattr(module, "__file__", None))}
            versions = {file: _version(file) for file in files}
        except Exception as error:  # noqa: BLE001 - a service that needs the module will show it whole
            return repr(error)
        if len([*Path("/proc/self/task").iterdir()]) > 1:
            # They would be missing in a fork, with whatever they hold.
            return "a module started threads while it was loaded"
        self._versions = versions
        # Everything loaded here lives as long as the process: a collection in a fork does not touch, and so copy, its pages.
        gc.collect()
        gc.freeze()
        return ""

    def is_current(self) -> bool:
        """Whether modules are loaded, and their files are what they were. Packages and code may change while this process lives."""
        try:
            versions = self._versions or {}
            return bool(versions) and all(_version(file) == version for file, version in versions.items())
        except OSError:
            return False


def _version(file: str) -> _Version:
    found = Path(file).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
