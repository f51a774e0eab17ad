"""The common picture tools, called by forms, compared with a Node server that has sharp in its process, and with libvips alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image

from benchmarks import large, libvips_tools
from benchmarks.libvips_tools import TOOLS, Tool
from benchmarks.load import Connection, open_connection
from benchmarks.processor import Spent, each, processor_seconds, shares, spending
from benchmarks.sharp_server import sharp_server
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from deploy.local.scratch.stack import ScratchStack
from services.inference.media import configure_libvips

_SIZE, _QUALITY = (1632, 1224), 90
_ROUNDS, _ALONE, _CALLERS, _SECONDS = 2, 8, 8, 2.0
_MOST_SECONDS = 2.0
"""For the calls of one caller, of which there are fewer if they are slow."""
_BOUNDARY = "-benchmark-"
_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
_SLACK = 1.5
_AIMS: Mapping[tuple[str, str], tuple[str, float, float]] = {
    ("resize", "jpg"): ("tool: resize", 0.026, 59),
    ("compress", "jpg"): ("tool: compress", 0.021, 64),
    ("rotate", "jpg"): ("tool: rotate", 0.042, 42),
    ("convert", "jpg"): ("tool: convert", 0.309, 8.8),
    ("info", "jpg"): ("tool: info", 0.087, 23),
}
"""The goals, and what SnapOtter took on two such cores when they were set: seconds alone, and calls a second with eight callers."""

Call = Callable[[Connection], Awaitable[object]]


@dataclass(slots=True)
class _Taken:
    """What the calls of one tool took on one side."""

    alone: list[float] = field(default_factory=list)
    """Seconds of each."""
    calls: int = 0
    """Of several callers together."""
    seconds: float = 0
    """How long those took in all."""
    spent_times: Spent = field(default_factory=Counter)
    """For them, or for those alone if there are no others."""

    @property
    def median(self) -> float:
        return percentile(self.alone, 0.5)

    @property
    def rate(self) -> float:
        """Calls a second. Of a bare loop: what all cores could do."""
        if self.calls:
            return self.calls / self.seconds
        return (os.cpu_count() or 1) * len(self.alone) / (self.spent_times.total() / 1e6)

    @property
    def processor(self) -> str:
        return each(self.spent_times, self.calls or len(self.alone))


async def measure(stack: ScratchStack) -> Section:
    """Each tool on both files, on every side in turn."""
    configure_libvips(1)
    pictures = await asyncio.to_thread(_pictures)
    section = Section(
        "Picture tools by form",
        f"SnapOtter's tools at the public port, on a JPEG file of {_SIZE[0]} × {_SIZE[1]} pixels and quality {_QUALITY} "
        f"({len(pictures['jpg']) >> 10} KiB; the two sample photographs side by side) and the same pixels as PNG "
        f"({len(pictures['png']) >> 10} KiB): the form uploaded, and the JSON reply, which says where the result is; connections "
        "stay open. "
        "*Sharp*: a Node server with sharp in its process, which takes the same forms, keeps both files in a folder and replies with JSON; "
        "it knows no people, no order, no limits and no sandbox. *Libvips*: the same calls of the library that both use, in this "
        f"process, in one thread, without a server; its rate is what {os.cpu_count()} cores could do if nothing else took any time. "
        f"*Alone*: the median of {_ROUNDS * _ALONE} calls of one caller, fewer where they are slow. *Together*: {_CALLERS} callers for "
        f"{_ROUNDS} × {_SECONDS:.0f} s. "
        "*Processor*: of all parts, or of the Node process, for one of those calls. Results have the quality 95, those of `compress` and "
        "`optimize-for-web` 80; a PNG by `compress` has 256 colours at most.",
        (
            *("tool", "file", "alone", "sharp", "ratio", "libvips"),
            *("together", "sharp", "libvips"),
            *("processor", "sharp", "libvips"),
        ),
    )
    key = {"Authorization": f"Bearer {stack.api_key}"}
    fast: list[str] = []
    with tempfile.TemporaryDirectory(dir=stack.dir) as folder:
        async with sharp_server("tools.mjs", folder, str(libvips_tools.FONT)) as (url, node):
            for format_, picture in pictures.items():
                for name, tool in TOOLS.items():
                    body = _form(tool, picture, format_)
                    mine, its, bare = _Taken(), _Taken(), _Taken()
                    for _ in range(_ROUNDS):
                        await asyncio.to_thread(_bare, tool, picture, format_, bare)
                        await _served(stack.url, key, _caller(f"/api/v1/tools/{name}", body), mine, stack)
                        if tool.sharp:
                            await _served(url, {}, _caller(f"/{name}", body), its, [node])
                    print(name, format_, milliseconds(mine.median), f"{mine.rate:.1f}/s", file=sys.stderr)
                    section.rows.append((f"`{name}`", format_.upper(), *_cells(mine, its if tool.sharp else None, bare)))
                    if (aim := _AIMS.get((name, format_))) is not None:
                        section.goals.append(_reached(mine, its, *aim))
                        section.floors[aim[0]] = f"{milliseconds(bare.median)}, {bare.rate:.0f}/s"
                        fast.append(f"`{name}` {shares(mine.spent_times, mine.calls)}")
    section.remarks = f"One call on the JPEG file took: {'; '.join(fast)}."
    return section


def _pictures() -> dict[str, bytes]:
    """The same picture as files, by format."""
    with tempfile.TemporaryDirectory() as folder:
        photo, same = Path(folder, "photo.jpg"), Path(folder, "photo.png")
        large.draw(photo, _SIZE, _QUALITY)
        with Image.open(photo) as opened:
            opened.save(same)
        return {"jpg": photo.read_bytes(), "png": same.read_bytes()}


def _form(tool: Tool, picture: bytes, format_: str) -> bytes:
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.{format_}"\r\n'
        f"Content-Type: {_TYPES[format_]}\r\n\r\n"
    )
    settings = f'\r\n--{_BOUNDARY}\r\nContent-Disposition: form-data; name="settings"\r\n\r\n{json.dumps(tool.settings)}'
    return head.encode() + picture + f"{settings}\r\n--{_BOUNDARY}--\r\n".encode()


def _caller(path: str, body: bytes) -> Call:
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}

    async def call(connection: Connection) -> None:
        await connection.request("POST", path, body, headers)

    return call


def _bare(tool: Tool, picture: bytes, format_: str, taken: _Taken) -> None:
    tool.run(picture, format_)
    before, end = time.process_time(), time.perf_counter() + _MOST_SECONDS
    for _ in range(_ALONE):
        begun = time.perf_counter()
        tool.run(picture, format_)
        taken.alone.append(time.perf_counter() - begun)
        if time.perf_counter() > end:
            break
    taken.spent_times["libvips"] += round((time.process_time() - before) * 1e6)


async def _served(url: str, headers: dict[str, str], call: Call, taken: _Taken, by: ScratchStack | list[psutil.Process]) -> None:
    """One caller, and then several, at a stack or at a server of these processes."""
    async with AsyncExitStack() as connections:
        callers = [await connections.enter_async_context(open_connection(url, headers)) for _ in range(_CALLERS)]
        await asyncio.gather(*map(call, callers[:2]))
        end = time.perf_counter() + _MOST_SECONDS
        for _ in range(_ALONE):
            taken.alone.append(await _timed(call, callers[0]))
            if time.perf_counter() > end:
                break
        begun = time.perf_counter()
        if isinstance(by, ScratchStack):
            with spending(by, taken.spent_times):
                taken.calls += await _until(callers, call, begun + _SECONDS)
        else:
            before = processor_seconds(by)
            taken.calls += await _until(callers, call, begun + _SECONDS)
            taken.spent_times["server"] += round((processor_seconds(by) - before) * 1e6)
        taken.seconds += time.perf_counter() - begun


async def _timed(call: Call, connection: Connection) -> float:
    begun = time.perf_counter()
    await call(connection)
    return time.perf_counter() - begun


async def _until(callers: list[Connection], call: Call, end: float) -> int:
    """How often these callers call until then, each one call after the other."""

    async def caller(connection: Connection) -> int:
        calls = 0
        while time.perf_counter() < end:
            await call(connection)
            calls += 1
        return calls

    return sum(await asyncio.gather(*map(caller, callers)))


def _cells(mine: _Taken, its: _Taken | None, bare: _Taken) -> tuple[str, ...]:
    sharp = ("–", "–", "–", "–")
    if its is not None:
        sharp = (milliseconds(its.median), f"{mine.median / its.median:.2f}", f"{its.rate:.1f}/s", its.processor)
    return (
        *(milliseconds(mine.median), *sharp[:2], milliseconds(bare.median)),
        *(f"{mine.rate:.1f}/s", sharp[2], f"{bare.rate:.1f}/s"),
        *(mine.processor, sharp[3], bare.processor),
    )


def _reached(mine: _Taken, its: _Taken, goal: str, seconds: float, rate: float) -> GoalResult:
    return GoalResult(
        goal,
        f"{milliseconds(mine.median)}, {mine.rate:.0f}/s",
        mine.median <= _SLACK * seconds and mine.rate > rate,
        f"{milliseconds(its.median)}, {its.rate:.0f}/s",
        f"{mine.median / its.median:.2f}, {mine.rate / its.rate:.2f}",
        mine.processor,
    )
