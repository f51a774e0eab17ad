"""Deletions of tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deletion:
    """A task that its owner has deleted, or a batch with all its tasks."""

    task_id: int | None = None
    batch_id: int | None = None
