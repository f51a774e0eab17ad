"""The state of installations in the model repository, for all workers that share it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from services.platform.log import get_logger

_FILE = "installations.json"
_logger = get_logger()
Release = Callable[[], None]


class Job(BaseModel):
    """An installation of a bundle."""

    model_config = ConfigDict(frozen=True)

    number: int
    percent: int = 0
    stage: str = ""
    ended: bool = False
    error: str = ""
    """Why it failed; empty if it has not."""


class _Jobs(BaseModel):
    jobs: dict[str, Job] = {}


class Journal:
    """The last installation of each bundle, and the right to change what is installed, which one process has at a time."""

    def __init__(self, repository: Path) -> None:
        self._file = repository / _FILE
        # Next to the repository, like the installer's own lock.
        self._lock = repository.with_name(f".{repository.name}.bundles.lock")

    def jobs(self) -> dict[str, Job]:
        """The last installation of each bundle, by its id."""
        try:
            return _Jobs.model_validate_json(self._file.read_bytes()).jobs
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            _logger.warning("installations_not_read", error=str(error))
            return {}

    def put(self, bundle: str, job: Job | None) -> None:
        """Keep an installation, or forget it. Only for the process that has the lock."""
        jobs = {name: one for name, one in self.jobs().items() if name != bundle}
        if job is not None:
            jobs[bundle] = job
        partial = self._file.with_name(f".{_FILE}.partial")
        partial.write_text(_Jobs(jobs=jobs).model_dump_json(), encoding="utf-8")
        partial.replace(self._file)

    def lock(self) -> Release | None:
        """Take the right to change what is installed, until what is returned is called or this process ends; None if another has it."""
        handle = self._lock.open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return None
        return handle.close
