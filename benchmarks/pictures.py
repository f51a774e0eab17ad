"""Pictures per second: the whole system compared with a loop in one process that does the same work."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks import picture_loop
from benchmarks.processor import spent_so_far
from benchmarks.table import Section
from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2, remove_background_pb2, upscale_pb2
from deploy.local.scratch.stack import ScratchStack

_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_COUNT, _RUNS = 6, 3
_REST_SECONDS = 20
_SIDES = (520, 400)
"""Sides of each picture, in pixels: at none of these sizes would the system use a finer network."""

_OPERATIONS = {
    "remove_background": operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground()),
    "upscale": operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=picture_loop.FACTOR)),
}


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the pictures of one run took in total."""

    seconds: float
    processor_seconds: float


async def measure(stack: ScratchStack) -> Section:
    """Rates of both, measured alternately."""
    section = Section(
        "Pictures beside a bare loop",
        f"{_COUNT} JPEG pictures of {_SIDES[0]} × {_SIDES[1]} pixels. *Bare loop*: one process reads, decodes, runs the same model in "
        "onnxruntime with as many threads and the same options as the model server, refines, encodes and writes, one picture after the "
        "other. *Whole system*: uploaded at once, a task each, results downloaded, all through the public port; the client's work counts. "
        f"Both are warm, and run in turn, {_RUNS} times: medians, and the median of the {_RUNS} ratios. *Processor*: time of all processes "
        "that take part, for each picture, less what they take at rest; it tells them apart on a machine that others use, too.",
        ("operation", "bare loop", "whole system", "ratio", "processor: bare loop", "whole system", "ratio"),
    )
    rest = await _rest(stack)
    for operation in _OPERATIONS:
        with tempfile.TemporaryDirectory() as folder:
            sources = await asyncio.to_thread(_pictures, Path(folder) / "sources")
            async with _picture_loop(operation, sources[0].parent, Path(folder) / "bare") as bare:
                await _system(stack, operation, sources[:2], Path(folder) / "warm", rest)
                pairs: list[tuple[_Taken, _Taken]] = []
                for run in range(_RUNS):
                    pairs.append((await bare(), await _system(stack, operation, sources, Path(folder) / f"{run}", rest)))
                    print(operation, *pairs[-1], file=sys.stderr)
        section.rows.append((operation, *_cells(pairs)))
    load = os.getloadavg()[0]
    section.remarks = (
        f"At rest the parts of the system take {rest:.1%} of a core. Load average at the end: {load:.0f} on {os.cpu_count()} cores, of "
        "which this makes 2 to 4; the rest is others'. A busy machine gives the system, which has more processes, a larger part of itself "
        "than the loop. An idle one would not, so that there the ratio of processor times is the better guess."
    )
    return section


async def _rest(stack: ScratchStack) -> float:
    """Cores that all parts use while idle."""
    spent, begun = _processor_seconds(stack), time.perf_counter()
    await asyncio.sleep(_REST_SECONDS)
    return (_processor_seconds(stack) - spent) / (time.perf_counter() - begun)


def _pictures(folder: Path) -> list[Path]:
    """Crops of the sample photographs, no two alike."""
    folder.mkdir()
    paths = []
    for number in range(_COUNT):
        with Image.open(_SAMPLES / ("portrait.jpg" if number % 2 else "coffee.jpg")) as photo:
            shift = 4 * number
            crop = photo.convert("RGB").crop((shift, shift, photo.width - 40 + shift, photo.height - 40 + shift))
        paths.append(folder / f"{number}.jpg")
        crop.resize(_SIDES, Image.Resampling.LANCZOS).save(paths[-1], quality=92)
    return paths


@asynccontextmanager
async def _picture_loop(operation: str, sources: Path, results: Path) -> AsyncIterator[Callable[[], Awaitable[_Taken]]]:
    """A warmed-up loop; each call processes all sources."""
    await asyncio.to_thread(results.mkdir)
    command = (sys.executable, "-m", "benchmarks.picture_loop", operation, str(sources), str(results))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    asked, answers = process.stdin, process.stdout

    async def once() -> _Taken:
        asked.write(b"\n")
        return _Taken(**json.loads(await answers.readline()))

    try:
        await answers.readline()
        yield once
    finally:
        asked.close()
        await process.wait()


async def _system(stack: ScratchStack, operation: str, sources: Sequence[Path], results: Path, rest: float) -> _Taken:
    await asyncio.to_thread(results.mkdir)
    spent, begun = _processor_seconds(stack), time.perf_counter()
    async with AsyncClient(stack.url, stack.api_key) as client:

        async def one(path: Path) -> None:
            file = await client.upload(path)
            task = await client.wait((await client.create_task([file.id], [_OPERATIONS[operation]])).id)
            await client.download(task.output_file_ids, results / path.stem)

        await asyncio.gather(*map(one, sources))
    seconds = time.perf_counter() - begun
    return _Taken(seconds, _processor_seconds(stack) - spent - rest * seconds)


def _processor_seconds(stack: ScratchStack) -> float:
    """CPU seconds of this process and of all parts so far."""
    return time.process_time() + spent_so_far(stack).total() / 1e6


def _cells(pairs: Sequence[tuple[_Taken, _Taken]]) -> Sequence[str]:
    """Table cells of the bare loop and the whole system."""
    bare, whole = zip(*pairs, strict=True)
    rates = [_COUNT / statistics.median(taken.seconds for taken in runs) for runs in (bare, whole)]
    costs = [statistics.median(taken.processor_seconds for taken in runs) / _COUNT for runs in (bare, whole)]
    return (
        *(f"{rate:.2f}/s" for rate in rates),
        f"**{statistics.median(loop.seconds / system.seconds for loop, system in pairs):.2f}**",
        *(f"{cost:.2f} s" for cost in costs),
        f"{statistics.median(loop.processor_seconds / system.processor_seconds for loop, system in pairs):.2f}",
    )
