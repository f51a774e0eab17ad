"""Modules that are loaded once, for the processes that are forked from this one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

_Version = tuple[int, int, int]


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
