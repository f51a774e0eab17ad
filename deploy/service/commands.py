"""Runs the repository's own commands: those of the stack, make and git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.local.layout import REPOSITORY
from deploy.service.errors import ServiceError


def local(stack: Path, *arguments: str) -> None:
    """Run a command of the stack, with its output. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "deploy.local", "--dir", str(stack), *arguments], cwd=REPOSITORY, check=True)


def make(root: Path, target: str, stack: Path) -> bool:
    """Run a target of a clone, with its output; whether it succeeded. In a process of its own, since the code may have changed."""
    return subprocess.run(["make", "--no-print-directory", target, f"DIR={stack}"], cwd=root, check=False).returncode == 0


def git(root: Path, *arguments: str) -> str:
    """The output of git. Raises ServiceError with its error."""
    result = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ServiceError(f"git {arguments[0]}: {(result.stderr or result.stdout).strip()}")
    return result.stdout.strip()
