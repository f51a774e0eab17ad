"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from darkroom.cli.exits import FAILED


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """It works, and will not for long or not for everything."""
    BAD = "bad"
    UNKNOWN = "unknown"
    """It could not be checked from here, or with this key."""


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it is, and what to do about it."""

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""
    status: int = FAILED
    """Exit code that a bad one stands for."""

    def as_json(self) -> dict[str, str]:
        """Fields for scripts."""
        return {"check": self.check, "verdict": self.verdict, "detail": self.detail, "advice": self.advice}
