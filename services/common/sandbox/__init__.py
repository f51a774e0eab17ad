"""Run a function over hostile bytes in a child process with limits on memory, CPU, wall time and open files.

    sandbox = Sandbox(preload=["pypdf"])
    report = await sandbox.run(remove_watermarks, source, target, on_progress=report_pages)

See `host.Sandbox` for the contract, `nursery` for how children are made, and `warm` for children that do several jobs.
"""

from services.common.sandbox.host import (
    Limits,
    Sandbox,
    SandboxCrashed,
    SandboxError,
    SandboxFailed,
    SandboxOutOfMemory,
    SandboxTimedOut,
)
from services.common.sandbox.warm import WarmChildren

__all__ = [
    "Limits",
    "Sandbox",
    "SandboxCrashed",
    "SandboxError",
    "SandboxFailed",
    "SandboxOutOfMemory",
    "SandboxTimedOut",
    "WarmChildren",
]
