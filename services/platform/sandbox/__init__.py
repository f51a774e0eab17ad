"""Run a function over hostile bytes in a child process with limits on memory, CPU, wall time and open files.

    sandbox = Sandbox(preload=["pypdf"])
    report = await sandbox.run(remove_watermarks, source, target, on_progress=report_pages)

See `host.Sandbox` for the contract, `nursery` for how children are made, and `warm` for children that do several jobs.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.platform.sandbox.host import (
        Limits,
        Sandbox,
        SandboxCrashed,
        SandboxError,
        SandboxFailed,
        SandboxLost,
        SandboxOutOfMemory,
        SandboxTimedOut,
    )
    from services.platform.sandbox.warm import WarmChildren

__all__ = [
    "Limits",
    "Sandbox",
    "SandboxCrashed",
    "SandboxError",
    "SandboxFailed",
    "SandboxLost",
    "SandboxOutOfMemory",
    "SandboxTimedOut",
    "WarmChildren",
]


def __getattr__(name: str) -> Any:
    """Import the service's side when it is asked for. The processes of the children, which have the rest of this package, never do."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("services.platform.sandbox." + ("warm" if name == "WarmChildren" else "host")), name)
