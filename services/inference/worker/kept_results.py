"""What an attempt leaves for later attempts of its task: stored like an output, and never shown to its owner."""

from __future__ import annotations

from pathlib import Path

from services.inference.worker.client import Admission
from services.inference.worker.files import AttemptFiles


class KeptResults:
    """Those of one task. Raises what the files service and object storage raise."""

    def __init__(self, files: AttemptFiles, run: Admission) -> None:
        self._files, self._run = files, run

    async def kept(self, folder: Path) -> dict[str, Path]:
        """What earlier attempts have kept, brought into `folder`; by key."""
        return await self._files.kept(self._run, folder) if self._run.attempt > 1 else {}

    async def keep(self, key: str, file: Path, media_type: str) -> None:
        """Keep a file; when this returns, later attempts have it."""
        await self._files.keep(self._run, key, file, media_type)
