"""Short picture work that somebody waits for: a resize sent as a form, until its result is known, beside a server that does only that."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path

import httpx
import psutil
import pyvips

from benchmarks.table import Section, milliseconds, percentile
from deploy.local.scratch.stack import ScratchStack

_ROOT = Path(__file__).resolve().parent.parent
_SHARP = _ROOT / ".cache" / "sharp"
_SHARP_VERSION = "0.35.5"
_CALLERS, _ALONE, _WARM_UP = 8, 40, 24
_SECONDS = 8.0
_EDIT = {"operations": {"resizing": {"width": 800}}, "output": {"format": {"type": "jpeg", "quality": 80}}}

Send = Callable[[httpx.AsyncClient], Awaitable[None]]


async def measure(stack: ScratchStack) -> Section:
    """One caller and eight, and the processor time of each task."""
    photo = _photo()
    section = Section(
        "A resize of a 2-megapixel JPEG, by form, until the result is known",
        f"1632 × 1224 pixels, {len(photo) // 1024} kB, to 800 pixels wide as JPEG. Darkroom: `POST /v1/image/edit/upload`, which stores "
        "the picture, runs the task and replies with the result's address. sharp: a Node server that does it in its own process and keeps "
        "nothing. *Processor* is that of the server's processes for one resize, with eight callers.",
        ("server", "one caller, p50", "p99", f"{_CALLERS} callers, resizes/s", "p50", "p99", "processor"),
    )
    key = {"Authorization": f"Bearer {stack.api_key}"}

    async def edit(client: httpx.AsyncClient) -> None:
        files = {"file": ("photo.jpg", photo, "image/jpeg")}
        reply = await client.post("/v1/image/edit/upload", headers=key, files=files, data={"data": json.dumps(_EDIT)})
        reply.raise_for_status()
        assert reply.json()["data"]["output"]["tmp_url"]

    async def post(client: httpx.AsyncClient) -> None:
        (await client.post("/", content=photo)).raise_for_status()

    stack_processes = [psutil.Process(stack.pid(name)) for name in stack.stack.programs]
    section.rows.append(await _row("Darkroom", stack.url, edit, stack_processes))
    async with _sharp() as server:
        if server is None:
            section.remarks = "sharp could not be installed: node, npm and a registry are needed."
        else:
            url, process = server
            section.rows.append(await _row(f"sharp {_SHARP_VERSION}", url, post, [process]))
    return section


async def _row(name: str, url: str, send: Send, processes: Sequence[psutil.Process]) -> Sequence[str]:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await asyncio.gather(*(_repeated(client, send, _WARM_UP // _CALLERS) for _ in range(_CALLERS)))
        alone = await _repeated(client, send, _ALONE)
        before, begun = _processor(processes), time.perf_counter()
        end = begun + _SECONDS
        together = list(chain.from_iterable(await asyncio.gather(*(_until(client, send, end) for _ in range(_CALLERS)))))
        seconds, used = time.perf_counter() - begun, _processor(processes) - before
    return (
        name,
        milliseconds(percentile(alone, 0.5)),
        milliseconds(percentile(alone, 0.99)),
        f"{len(together) / seconds:.0f}",
        milliseconds(percentile(together, 0.5)),
        milliseconds(percentile(together, 0.99)),
        milliseconds(used / len(together)),
    )


async def _repeated(client: httpx.AsyncClient, send: Send, count: int) -> list[float]:
    return [await _timed(client, send) for _ in range(count)]


async def _until(client: httpx.AsyncClient, send: Send, end: float) -> list[float]:
    times = []
    while time.perf_counter() < end:
        times.append(await _timed(client, send))
    return times


async def _timed(client: httpx.AsyncClient, send: Send) -> float:
    begun = time.perf_counter()
    await send(client)
    return time.perf_counter() - begun


def _processor(processes: Sequence[psutil.Process]) -> float:
    """Seconds that the processes and their children have used, those that have ended included."""
    total = 0.0
    for process in processes:
        for each in (process, *process.children(recursive=True)):
            try:
                used = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += used.user + used.system + used.children_user + used.children_system
    return total


def _photo() -> bytes:
    """The sample photographs, side by side again and again."""
    photos = [pyvips.Image.new_from_file(str(_ROOT / "samples" / name))[:3] for name in ("portrait.jpg", "coffee.jpg")]
    tiles = [photo.thumbnail_image(544, height=612, crop="centre") for photo in photos * 3]
    return bytes(pyvips.Image.arrayjoin(tiles, across=3).jpegsave_buffer(Q=88, keep="none"))


@asynccontextmanager
async def _sharp() -> AsyncIterator[tuple[str, psutil.Process] | None]:
    """The address and the process of the contender; None if it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        yield None
        return
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(_SHARP), f"sharp@{_SHARP_VERSION}"]
    _SHARP.mkdir(parents=True, exist_ok=True)
    if (
        not (_SHARP / "node_modules" / "sharp").exists()
        and (await asyncio.to_thread(subprocess.run, command, capture_output=True)).returncode
    ):
        yield None
        return
    script = Path(__file__).parent / "contenders" / "resize_server.js"
    server = await asyncio.create_subprocess_exec(
        node, str(script), stdout=asyncio.subprocess.PIPE, env={"NODE_PATH": str(_SHARP / "node_modules")}
    )
    assert server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
    finally:
        server.kill()
        await server.wait()
