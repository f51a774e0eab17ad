"""Run a function over hostile bytes in a child process with limits on memory, CPU, wall time and open files.

    sandbox = Sandbox(preload=["pypdf"])
    report = await sandbox.run(remove_watermarks, source, target, on_progress=report_pages)

See `host.Sandbox` for the contract, and `nursery` for how children are made.
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

__all__ = [
    "Limits",
    "Sandbox",
    "SandboxCrashed",
    "SandboxError",
    "SandboxFailed",
    "SandboxOutOfMemory",
    "SandboxTimedOut",
]
