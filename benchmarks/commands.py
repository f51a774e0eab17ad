"""Programs that somebody runs from file to file instead, where they are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """An installed program."""

    path: str
    version: str
    """Its name and version."""


def find(name: str, commands: Sequence[str]) -> Program | None:
    """A program by the first of its commands that says, asked for its version, that it is the one of this name. Nothing is installed."""
    for command in commands:
        if (path := shutil.which(command)) is not None:
            said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode()
            if (found := re.search(rf"{name} [\d.-]+", said)) is not None:
                return Program(path, found[0])
    return None


def times(command: Sequence[str], most: int, most_seconds: float) -> list[float]:
    """Seconds that a command takes each time, at most so often, and no more once they are so many in all. Raises CalledProcessError."""
    taken: list[float] = []
    while len(taken) < most and sum(taken) < most_seconds:
        begun = time.perf_counter()
        subprocess.run(command, check=True)
        taken.append(time.perf_counter() - begun)
    return taken
