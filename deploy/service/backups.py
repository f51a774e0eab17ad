"""Backups by timer: a new one next to the old ones; the newest are kept."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.layout import REPOSITORY, Layout
from deploy.service.commands import local
from deploy.service.errors import ServiceError
from deploy.service.plan import Plan

_PREFIX = "darkroom-"


def back_up(stack: Path, plan: Plan, reason: str = "") -> Path:
    """Make a backup of the running stack, and delete the oldest of those that are more than `keep`. Raises ServiceError.

    It has its name once it is complete, so that what an interrupted one leaves is never taken for a backup; the next one overwrites that.
    """
    folder = plan.backups or stack / "backups"
    suffix = ".tar.age" if plan.recipients else ".tar"
    name = f"{_PREFIX}{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}{f'-{reason}' if reason else ''}{suffix}"
    partial = folder / f".{_PREFIX}{Layout.at(stack).digest}.partial"
    keys = [part for key in plan.recipients for part in ("--recipient", key)]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        local(stack, "backup", str(partial), *keys)
        partial.rename(folder / name)
    except (subprocess.CalledProcessError, OSError) as error:
        raise ServiceError(f"no backup was made in {folder}: {error}") from error
    for old in list_backups(folder)[: -plan.keep]:
        old.unlink(missing_ok=True)
    return folder / name


def list_backups(folder: Path) -> list[Path]:
    """The backups in a folder, oldest first. Their names sort by time."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*") if path.name.endswith((".tar", ".tar.age")))


def newest_age_seconds(folder: Path) -> float | None:
    """How old the newest backup is; None without any."""
    found = list_backups(folder)
    return datetime.now(UTC).timestamp() - found[-1].stat().st_mtime if found else None


def is_inside_repository(folder: Path) -> bool:
    """Whether a folder lies in the clone, where a new clone would lose it."""
    return folder.resolve().is_relative_to(REPOSITORY)
