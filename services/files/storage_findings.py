"""The findings of a check of the object storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class StorageFinding:
    """One line for the operator, without anything secret."""

    level: Level
    """`warning`: it works, and an operator should know. `problem`: it does not work, or loses or shows files."""
    text: str
    """The subject and result of the check."""
    remedy: str = ""
    """The remedy; empty if all is well."""


def ok(text: str) -> StorageFinding:
    """All is well."""
    return StorageFinding("ok", text)


def warning(text: str, remedy: str) -> StorageFinding:
    """It works, and yet."""
    return StorageFinding("warning", text, remedy)


def problem(text: str, remedy: str) -> StorageFinding:
    """It does not work."""
    return StorageFinding("problem", text, remedy)
