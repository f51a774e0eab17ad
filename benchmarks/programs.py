"""Programs that a benchmark runs beside the stack."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil

_PATIENCE_SECONDS = 20


@asynccontextmanager
async def program(*command: str) -> AsyncIterator[psutil.Process]:
    """A program that runs until the block ends."""
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def module(name: str, *arguments: str) -> AsyncIterator[psutil.Process]:
    """A Python module that runs until the block ends. The block begins when it has printed a line, which says that it is ready."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", name, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        if not await asyncio.wait_for(process.stdout.readline(), _PATIENCE_SECONDS):
            raise RuntimeError(f"{name} has ended")
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answer(name: str, *arguments: str) -> Any:
    """What a Python module prints as JSON in its last line, after its log. Raises RuntimeError if it fails."""
    command = (sys.executable, "-m", name, *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(arguments)} ended with status {process.returncode}")
    return json.loads(printed.splitlines()[-1])
