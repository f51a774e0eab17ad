"""Programs that a benchmark runs beside the stack."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


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
