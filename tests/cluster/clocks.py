"""Clocks that differ from host to host: libfaketime, where Debian's package `faketime` is installed.

The kernel's own time namespaces shift only the clocks that count from the start of the machine, and not the one that tells the time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_AHEAD = {1: "+1s", 2: "-1s"}
"""Seconds by which a host's services are ahead of PostgreSQL, by the number of the host."""
SAME = "the clocks of the hosts did not differ: Debian's package faketime is not installed"


def library() -> Path | None:
    """The library that tells a process another time; None where it is not installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def ahead(number: int) -> Mapping[str, str]:
    """The variables with which a process has the clock of a host."""
    found = library()
    if found is None or number not in _AHEAD:
        return {}
    # Timeouts go by the monotonic clock, which runs as everywhere.
    return {"LD_PRELOAD": str(found), "FAKETIME": _AHEAD[number], "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


def measured(number: int) -> float:
    """Seconds by which a process with the clock of a host is ahead of this one."""
    told = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], env=ahead(number), capture_output=True, check=True)
    return float(told.stdout) - time.time()
