"""The `darkroom` command, run against a stack."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.harness.command_server import WIDTH, CommandServer
from tests.stacks import Account, StackUnderTest

_COMMANDS = CommandServer()


class Shell:
    """Runs the command in a folder."""

    def __init__(self, stack: StackUnderTest, account: Account, folder: Path) -> None:
        self.folder, self.url = folder, stack.url
        self.environment = {**os.environ, "DARKROOM_URL": stack.url, "DARKROOM_API_KEY": account.api_key, "COLUMNS": WIDTH}
        self.environment["XDG_STATE_HOME"] = str(folder / "state")

    async def start(self, *arguments: str, stdin: bytes | None = None, **environment: str) -> asyncio.subprocess.Process:
        if stdin is not None:
            (self.folder / "stdin").write_bytes(stdin)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "darkroom.cli.app",
            *arguments,
            cwd=self.folder,
            env=self.environment | environment,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else (self.folder / "stdin").open("rb"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Whoever started the tests in the background had Ctrl-C ignored by all below.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    async def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(_COMMANDS.run, arguments, self.folder, self.environment | environment)
