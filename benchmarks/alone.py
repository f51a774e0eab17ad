"""The worker's operations without a worker: their surroundings, and what a process takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from services.inference.pipeline.pipeline import RunContext
from services.inference.pipeline.stages import Stages


class _Nothing:
    """Keeps nothing for later attempts."""

    async def kept(self, _folder: Path) -> Mapping[str, Path]:
        return {}

    async def keep(self, _key: str, _file: Path, _media_type: str) -> None:
        return


def surroundings(folder: Path) -> RunContext:
    """Nobody is told anything, and nobody cancels."""
    return RunContext(folder, lambda _done, _said: None, lambda: None, lambda *_: None, Stages(), keeping=_Nothing())


def reset_peak() -> int:
    """Bytes that this process has now, from which its peak is counted again."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(field: str, process: str = "self") -> int:
    """A field of a process's status that counts memory, in bytes: `VmRSS` now, `VmHWM` at most. OSError if there is no such process."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
