"""The findings of `darkroom doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from darkroom.cli.exits import FAILED


class Verdict(StrEnum):
    """The result of a check."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """It works, but not for everything or not for long."""
    BAD = "bad"
    UNKNOWN = "unknown"
    """It could not be checked from here or with this key."""


@dataclass(frozen=True)
class Finding:
    """One check: what was checked, the result, and what to do about it."""

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""
    status: int = FAILED
    """The exit code if it is bad."""

    def as_json(self) -> dict[str, str]:
        """Fields for scripts."""
        return {"check": self.check, "verdict": self.verdict, "detail": self.detail, "advice": self.advice}
