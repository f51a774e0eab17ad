"""The time, as a parameter: whatever acts on it takes a clock, so that a test can move it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The current time, with its zone."""
    return datetime.now(UTC)
