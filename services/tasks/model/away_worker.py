"""Machines whose workers are expected to come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AwayWorker:
    """The last known offers of the workers of a machine. It may be here at the moment."""

    name: str
    """The name of the machine."""
    lanes: Sequence[str]
    operations: Sequence[str]
    """Those that need something configured, that the machine is still configured for, and that could be used there."""
    gpu: bool
    seen_time: datetime
    until: datetime
    """Tasks for it are accepted until then."""
