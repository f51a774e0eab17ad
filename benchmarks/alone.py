"""Runs the worker's operations without a worker: their context, and the memory of a process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from services.inference.pipeline.product import RunContext
from services.inference.pipeline.stages import Stages


class _Nothing:
    """Keeps nothing for later attempts."""

    async def kept(self, _folder: Path) -> Mapping[str, Path]:
        return {}

    async def keep(self, _key: str, _file: Path, _media_type: str) -> None:
        return


def surroundings(folder: Path) -> RunContext:
    """A context that reports nothing and never cancels."""
    return RunContext(folder, lambda _done, _said: None, lambda: None, lambda *_: None, Stages(), keeping=_Nothing())


def reset_peak() -> int:
    """Reset this process's peak memory. Returns its current memory in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(field: str, process: str = "self") -> int:
    """A memory field of a process's status, in bytes: `VmRSS` (current) or `VmHWM` (peak). Raises OSError if there is no such process."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
