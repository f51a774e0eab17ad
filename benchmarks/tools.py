"""The common picture tools, called by forms, compared with a Node server that has sharp in its process, and with libvips alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image

from benchmarks import commands, large, libvips_tools
from benchmarks.goals import GOALS
from benchmarks.libvips_tools import TOOLS, Tool
from benchmarks.load import FORM, Call, Connection, call_until, form, open_connection, time_call
from benchmarks.processor import Spent, each, processor_seconds, shares, spending
from benchmarks.sharp_server import sharp_server
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from deploy.local.scratch.stack import ScratchStack
from services.inference.media import configure_libvips

_SIZE, _QUALITY = (1632, 1224), 90
_ROUNDS, _ALONE, _CALLERS, _SECONDS = 2, 8, 8, 2.0
_MOST_SECONDS = 2.0
"""For the calls of one caller, of which there are fewer if they are slow."""
CHOSEN = ("resize", "compress", "rotate", "crop", "info", "convert")
"""The tools that goals are about."""


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
    """The tools that goals are about, on a JPEG file."""
    return await compare("Picture tools by form", stack, [(name, "jpg") for name in CHOSEN], _ROUNDS)


async def compare(title: str, stack: ScratchStack, chosen: Sequence[tuple[str, str]], rounds: int) -> Section:
    """Tools, each on a file of a format, on every side in turn."""
    configure_libvips(1)
    files = await asyncio.to_thread(pictures)
    magick = await asyncio.to_thread(commands.find, "ImageMagick", ("magick", "convert"))
    section = Section(
        title,
        f"SnapOtter's tools at the public port, on a JPEG file of {_SIZE[0]} × {_SIZE[1]} pixels and quality {_QUALITY} "
        f"({len(files['jpg']) >> 10} KiB; the two sample photographs side by side) or the same pixels as PNG "
        f"({len(files['png']) >> 10} KiB): the form uploaded, and the JSON reply, which says where the result is; connections "
        "stay open. "
        "*Sharp*: a Node server with sharp in its process, which takes the same forms, keeps both files in a folder and replies with JSON; "
        "it knows no people, no order, no limits and no sandbox. *Libvips*: the same calls of the library that both use, in this "
        f"process, in one thread, without a server; its rate is what {os.cpu_count()} cores could do if nothing else took any time. "
        f"*ImageMagick*: {magick.version if magick else 'not installed here'}, from file to file, a process started for each picture; it "
        "may use all cores. "
        f"*Alone*: the median of {rounds * _ALONE} calls of one caller, fewer where they are slow. *Together*: {_CALLERS} callers for "
        f"{rounds} × {_SECONDS:.0f} s. "
        "*Processor*: of all parts, or of the Node process, for one of those calls. Results have the quality 95, those of `compress` and "
        "`optimize-for-web` 80; a PNG by `compress` has 256 colours at most.",
        (
            *("tool", "file", "alone", "sharp", "ratio", "libvips", "ImageMagick"),
            *("together", "sharp", "ratio", "libvips"),
            *("processor", "sharp", "libvips"),
        ),
    )
    key = {"Authorization": f"Bearer {stack.api_key}"}
    costs: list[str] = []
    with tempfile.TemporaryDirectory(dir=stack.dir) as folder:
        async with sharp_server("tools.mjs", folder, str(libvips_tools.FONT)) as (url, node):
            for name, format_ in chosen:
                tool, picture = TOOLS[name], files[format_]
                body = form(("file", f"photo.{format_}", picture), ("settings", "", json.dumps(tool.settings).encode()))
                mine, its, bare, command = _Taken(), _Taken(), _Taken(), _Taken()
                for _ in range(rounds):
                    await asyncio.to_thread(_bare, tool, picture, format_, bare)
                    if magick and tool.magick:
                        await asyncio.to_thread(_by_magick, (magick.path, *tool.magick), picture, format_, tool.format or format_, command)
                    await _served(stack.url, key, _caller(f"/api/v1/tools/{name}", body), mine, stack)
                    if tool.sharp:
                        await _served(url, {}, _caller(f"/{name}", body), its, [node])
                print(name, format_, milliseconds(mine.median), f"{mine.rate:.1f}/s", file=sys.stderr)
                cells = _cells(mine, its if tool.sharp else None, bare, milliseconds(command.median) if command.alone else "–")
                section.rows.append((f"`{name}`", format_.upper(), *cells))
                costs.append(f"`{name}` ({format_.upper()}) {shares(mine.spent_times, mine.calls)}")
                if (goal := f"tool: {name}") in GOALS and format_ == "jpg":
                    section.goals.append(_reached(mine, its, goal))
    section.remarks = f"One call took: {'; '.join(costs)}."
    return section


def pictures() -> dict[str, bytes]:
    """The same picture as files, by format."""
    with tempfile.TemporaryDirectory() as folder:
        photo, same = Path(folder, "photo.jpg"), Path(folder, "photo.png")
        large.draw(photo, _SIZE, _QUALITY)
        with Image.open(photo) as opened:
            opened.save(same)
        return {"jpg": photo.read_bytes(), "png": same.read_bytes()}


def _caller(path: str, body: bytes) -> Call:
    async def call(connection: Connection) -> None:
        await connection.request("POST", path, body, FORM)

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


def _by_magick(command: Sequence[str], picture: bytes, format_: str, result_format: str, taken: _Taken) -> None:
    """The program with its settings, from file to file."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, f"photo.{format_}"), Path(folder, f"result.{result_format}")
        source.write_bytes(picture)
        taken.alone += commands.times((command[0], str(source), *command[1:], str(result)), _ALONE, _MOST_SECONDS)


async def _served(url: str, headers: dict[str, str], call: Call, taken: _Taken, by: ScratchStack | list[psutil.Process]) -> None:
    """One caller, and then several, at a stack or at a server of these processes."""
    async with AsyncExitStack() as connections:
        callers = [await connections.enter_async_context(open_connection(url, headers)) for _ in range(_CALLERS)]
        await asyncio.gather(*map(call, callers[:2]))
        end = time.perf_counter() + _MOST_SECONDS
        for _ in range(_ALONE):
            taken.alone.append(await time_call(call, callers[0]))
            if time.perf_counter() > end:
                break
        begun = time.perf_counter()
        if isinstance(by, ScratchStack):
            with spending(by, taken.spent_times):
                taken.calls += len(await call_until(callers, call, begun + _SECONDS))
        else:
            before = processor_seconds(by)
            taken.calls += len(await call_until(callers, call, begun + _SECONDS))
            taken.spent_times["server"] += round((processor_seconds(by) - before) * 1e6)
        taken.seconds += time.perf_counter() - begun


def _cells(mine: _Taken, its: _Taken | None, bare: _Taken, by_magick: str) -> tuple[str, ...]:
    sharp = ("–",) * 5
    if its is not None:
        rates = f"{its.rate:.1f}/s", f"{mine.rate / its.rate:.2f}"
        sharp = (milliseconds(its.median), f"{mine.median / its.median:.2f}", *rates, its.processor)
    return (
        *(milliseconds(mine.median), *sharp[:2], milliseconds(bare.median), by_magick),
        *(f"{mine.rate:.1f}/s", *sharp[2:4], f"{bare.rate:.1f}/s"),
        *(mine.processor, sharp[4], bare.processor),
    )


def _reached(mine: _Taken, its: _Taken, goal: str) -> GoalResult:
    return GoalResult(
        goal,
        f"{milliseconds(mine.median)}, {mine.rate:.0f}/s",
        (mine.median / its.median, mine.rate / its.rate),
        f"{milliseconds(its.median)}, {its.rate:.0f}/s",
        mine.processor,
    )
