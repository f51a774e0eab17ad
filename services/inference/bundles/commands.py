"""The installer of `models`, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import models
from services.platform.errors import DarkroomError, ErrorReason

_FOLDER = Path(models.__file__).parent.parent
_FOLDERS = re.compile(r"(?<![\w:/.%-])/(?:[^\s/:'\"]+/)+")
"""An absolute path except its last name. The slashes of a URL follow other characters."""
_MOST_TEXT = 1000
_LARGEST_LINE = 1 << 16
Told = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Installer:
    """Changes what is in a model repository."""

    repository: Path
    platform: str | None
    """None for that of the installed models."""

    async def install(self, bundle: str, told: Told) -> None:
        """Fetch, verify and lay out the models of a bundle; `told` hears how far that is, in percent, and what is being done. Raises
        OPERATION_UNAVAILABLE with the installer's words. Cancelling ends the installer."""
        await self._run("install-bundle", bundle, told)

    async def remove(self, bundle: str) -> None:
        """Delete the models that only this bundle uses. Raises as `install`."""
        await self._run("remove-bundle", bundle, lambda _percent, _stage: None)

    async def _run(self, command: str, bundle: str, told: Told) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "models", command, bundle, "--supervised", f"--dest={self.repository.absolute()}"),
            *([f"--platform={self.platform}"] if self.platform else []),
            f"--cache={self.repository.absolute().with_name('downloads')}",
            cwd=_FOLDER,
            # Not the secrets of the worker.
            env={name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")},
            # Open as long as this process lives: it ends with it.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LARGEST_LINE,
        )
        assert process.stdout is not None and process.stderr is not None
        problems = asyncio.create_task(process.stderr.read())
        try:
            async for line in process.stdout:
                said = json.loads(line)
                told(int(said["percent"]), str(said["stage"]))
            status, text = await process.wait(), (await problems).decode(errors="replace")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            problems.cancel()
        if status:
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, problem_of(text) or f"The installer ended with status {status}.")


def problem_of(text: str) -> str:
    """The installer's error, without its earlier output, and without the folders of this machine."""
    return _FOLDERS.sub("", text.rpartition("error: ")[2]).strip()[:_MOST_TEXT]
