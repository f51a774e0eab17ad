"""Libraries are loaded here as if packages were absent that they can do without and that nothing here uses.

nats-py takes aiohttp for WebSockets, httpx takes rich and click for its command line, and structlog takes rich for tracebacks on a
terminal. In every process of ours that was 12 MiB and a third of the time of its start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# By the module that tries to import them.
_UNUSED = {
    "nats.aio.transport": ("aiohttp", "multidict"),
    "httpx._main": ("click", "rich"),
    "structlog.dev": ("rich",),
    "structlog.tracebacks": ("rich",),
}


class _WithoutThem(Loader):
    """Runs a module while some packages, unless they are loaded already, cannot be imported."""

    def __init__(self, loader: Loader, absent: Sequence[str]) -> None:
        self._loader = loader
        self._absent = absent

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        absent = [name for name in self._absent if name not in sys.modules]
        # Python raises ModuleNotFoundError for a module that is None there.
        sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
        try:
            self._loader.exec_module(module)
        finally:
            for name in absent:
                del sys.modules[name]


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        absent = _UNUSED.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if absent else None
        if absent and spec is not None and spec.loader is not None:
            spec.loader = _WithoutThem(spec.loader, absent)
        return spec


def leave_out() -> None:
    """Install this for the process; repeating it changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
