"""The `darkroom` command in a terminal, with somebody who types."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

_PATIENCE_SECONDS = 60.0
_SIZE = struct.pack("HHHH", 24, 80, 0, 0)


async def typed(arguments: list[str], answers: list[tuple[str, str]], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run it, and type each answer and Enter once what it answers is on the screen. Returns the exit status and all that was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, _SIZE)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "darkroom.cli.app",
        *arguments,
        cwd=folder,
        env=dict(environment),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        # So that the terminal is theirs to ask for passwords in.
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            shown = await asyncio.to_thread(_conversation, ours, answers)
            return await process.wait(), shown
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()


def _conversation(terminal: int, answers: list[tuple[str, str]]) -> str:
    shown, seen, waiting = b"", 0, list(answers)
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            # The program has ended.
            piece = b""
        if not piece:
            return shown.decode(errors="replace")
        shown += piece
        if waiting and waiting[0][0].encode() in shown[seen:]:
            seen = len(shown)
            os.write(terminal, f"{waiting.pop(0)[1]}\n".encode())
