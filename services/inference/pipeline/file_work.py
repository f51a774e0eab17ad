"""Operations that look at a picture file as it was sent, where that is not short work: each in a child of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from services.common.sandbox import SandboxCrashed
from services.inference.contract.progress import Report
from services.inference.contract.step import Tools
from services.inference.pipeline import isolated
from services.inference.pipeline.short import ChildWork, Finished


class FileWork(ChildWork):
    """Lets the operation of a task look at files."""

    async def run(self, tools: Tools, path: Path, name: str, folder: Path, report: Report) -> Finished:
        """What the operation makes of the file. `folder` is for a temporary folder. Raises what the operation and `Sandbox.run` raise."""
        own = Path(tempfile.mkdtemp(prefix="looking-", dir=folder))
        target = own / "result"
        try:
            said = await tools.sandbox.run(
                isolated.work,
                path,
                target,
                self._asked(name),
                reads=[path],
                folder=own,
                limits=tools.picture_resources,
                on_progress=self._told(report),
            )
            try:
                result = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                raise SandboxCrashed("the child left no result") from error
            try:
                return self._checked(said, result)
            finally:
                os.close(result)
        finally:
            shutil.rmtree(own, ignore_errors=True)
