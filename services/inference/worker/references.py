"""The inputs of an attempt whose first operation takes them all together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.common.errors import DarkroomError
from services.inference.media import Image
from services.inference.pipeline.naming import named
from services.inference.pipeline.pipeline import Pipeline
from services.inference.worker.client import Admission
from services.inference.worker.files import AttemptFiles


class AttemptReferences:
    """Fetched when they are read, since an attempt that finds everything kept needs none."""

    def __init__(self, files: AttemptFiles, run: Admission, pipeline: Pipeline, folder: Path) -> None:
        self._files, self._run, self._pipeline, self._folder = files, run, pipeline, folder

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._run.input_file_ids)

    async def read(self, number: int) -> Image:
        """Fetch and decode one."""
        source = await self._files.fetch(self._run, self._run.input_file_ids[number], self._folder, lambda _done: None)
        try:
            return await self._pipeline.read_reference(source, self._folder)
        except DarkroomError as error:
            raise named(error, source.name) from error
        finally:
            await asyncio.to_thread(source.path.unlink)
