"""The memory of a process, as the system counts it."""

from __future__ import annotations

import re
from pathlib import Path


def reset_peak(process: int | str = "self") -> int:
    """Reset the peak memory of a process. Returns its current memory in bytes."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    return status("VmRSS", process)


def status(field: str, process: int | str = "self") -> int:
    """A memory field of a process's status, in bytes: `VmRSS` (current) or `VmHWM` (peak). Raises OSError if there is no such process."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
