"""The findings of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

SETTINGS = "settings"
"""The subject of findings about settings that a service would not start with."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and an operator should know."""
    PROBLEM = "problem"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for the operator."""

    level: Level
    subject: str
    """The subject of the check: `PostgreSQL`, `NATS`, …"""
    text: str
    """The fact, in a sentence or less."""
    remedy: str = ""
    """The remedy, with the name of the setting."""
    service: str = ""
    """Whose connection it is; empty: the installation's as a whole."""

    def of(self, service: str) -> Finding:
        """The same, of a service."""
        return replace(self, service=service)

    def as_json(self) -> dict[str, Any]:
        """As an object of JSON."""
        return asdict(self)


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """It works, and yet."""
    return Finding(Level.WARNING, subject, text, remedy)


def problem(subject: str, text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(Level.PROBLEM, subject, text, remedy)


def summary(subject: str, text: str, faults: Iterable[Finding]) -> list[Finding]:
    """The faults of a subject, preceded by what is well about it unless there is a problem."""
    found = list(faults)
    return found if any(one.level is Level.PROBLEM for one in found) else [ok(subject, text), *found]
