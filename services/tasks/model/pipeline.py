"""Saved pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SavedPipeline:
    """A pipeline that somebody has saved."""

    number: int
    """Increasing over time."""
    id: UUID
    account_id: int
    owner: str
    """Id of the person; empty for the account itself."""
    definition: bytes
    """Name, description, operations, steps, and the time of the last change: a `StoredPipeline`."""
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller that asks for saved pipelines."""

    account_id: int
    owner: str
    """Id of the person; empty for the account itself."""
    sees_all: bool
    """Whether those of everybody in the account can be seen."""
