"""The time, as a parameter: code that depends on it takes a clock, which tests can move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The current time, with its time zone."""
    return datetime.now(UTC)
