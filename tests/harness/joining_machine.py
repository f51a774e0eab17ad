"""A machine that joins a stack as a worker, as whoever sits at it does: by the command line, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from dotenv import dotenv_values

from deploy.local.layout import REPOSITORY, Layout
from deploy.local.processes import end_processes
from deploy.local.supervisor import Supervisor
from services.platform.membership import MembershipFolder
from tests.stacks import StackUnderTest

_SECONDS = 240


class JoiningMachine:
    """One machine. Nothing that it is given says where the parts of the stack are, except for the token."""

    def __init__(self, directory: Path, models: Path, settings: Mapping[str, str]) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700)
        given = {"DARKROOM_MODELS": str(models), **settings}
        (directory / "settings.env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        self.layout = Layout.at(directory)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m deploy.worker ARGUMENTS`."""
        command = [sys.executable, "-m", "deploy.worker", "--dir", str(self.directory), *arguments]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_") or name == "DARKROOM_TRITON_VENV"
        }
        return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)

    def up(self, *arguments: str) -> str:
        """Start it; returns what it printed."""
        ended = self.run("up", *arguments)
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}\n{self.log()}"
        return ended.stdout

    @property
    def membership(self) -> MembershipFolder:
        """What it has got by joining."""
        return MembershipFolder(self.directory / "membership")

    async def worker(self) -> psutil.Process:
        """The worker's process."""
        return psutil.Process((await Supervisor(self.layout).process("inference")).pid)

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the worker."""
        return {name: value or "" for name, value in dotenv_values(self.layout.config / "inference.env", interpolate=False).items()}

    async def signal_worker(self, number: signal.Signals) -> None:
        """Send the worker and its children a signal."""
        worker = await self.worker()
        for process in (worker, *worker.children(recursive=True)):
            process.send_signal(number)

    def log(self) -> str:
        """The end of the worker's log."""
        file = self.layout.log_file("inference")
        return "\n".join(file.read_text(errors="replace").splitlines()[-40:]) if file.is_file() else ""

    async def close(self) -> None:
        """End every process."""
        await end_processes(self.layout)


def token_of(stack: StackUnderTest, *options: str) -> str:
    """A new token of a stack, as whoever sits at the server copies it."""
    [token] = re.findall(r"^JOIN=(\S+)$", command_of(stack, "worker-token", *options), re.MULTILINE)
    return str(token)


def command_of(stack: StackUnderTest, *arguments: str) -> str:
    """What `python -m deploy.local ARGUMENTS` prints for a stack."""
    command = [sys.executable, "-m", "deploy.local", "--dir", str(stack.dir), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
