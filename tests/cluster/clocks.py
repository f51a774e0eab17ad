"""Clocks that differ from host to host: libfaketime, where Debian's package `faketime` is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_AHEAD = {1: "+1s", 2: "-1s"}
"""Seconds by which a host's services are ahead of PostgreSQL, by the number of the host."""


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
