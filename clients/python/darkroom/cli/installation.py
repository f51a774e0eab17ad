"""The checkout and the stack of a server, if they are on this machine."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkroom.connection import ENV_FILE


@dataclass(frozen=True)
class Installation:
    """A checkout of Darkroom in whose environment this Python runs."""

    root: Path

    @classmethod
    def find(cls) -> Installation | None:
        """The checkout, or None if only the client is installed."""
        found = importlib.util.find_spec("deploy")
        for folder in () if found is None else found.submodule_search_locations or ():
            root = Path(folder).parent
            if (root / "deploy" / "local").is_dir() and (root / "models" / "models.toml").is_file():
                return cls(root)
        return None

    def parts(self, stack: Path) -> list[dict[str, Any]] | None:
        """Each part of a stack: name, state, ready, problem. None if the stack is down."""
        return self._objects(stack, "status", "--json") or None

    def models(self, stack: Path) -> list[dict[str, Any]] | None:
        """Each model that a stack's Triton has loaded: name, state, reason. None if Triton does not answer."""
        return self._objects(stack, "models")

    def _objects(self, stack: Path, *arguments: str) -> list[dict[str, Any]] | None:
        """The output of a command of `deploy.local`, one object per line; None if it fails and prints none."""
        command = [sys.executable, "-m", "deploy.local", "--dir", str(stack), *arguments]
        done = subprocess.run(command, cwd=self.root, check=False, capture_output=True, text=True)
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return found if found or done.returncode == 0 else None


def env_file() -> Path | None:
    """The nearest .darkroom/env in this folder or above."""
    here = Path.cwd()
    return next((folder / ENV_FILE for folder in (here, *here.parents) if (folder / ENV_FILE).is_file()), None)


def stack_folder(given: Path | None) -> Path | None:
    """The folder of the stack on this machine: the given one, or that of the env file."""
    file = env_file()
    folder = given if given is not None else file.parent if file is not None else None
    return folder.resolve() if folder is not None and (folder / "ports.json").is_file() else None
