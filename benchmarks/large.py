"""One photograph of 8 megapixels, enlarged twice."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

import psutil
from PIL import Image

from benchmarks.peak import reset_peak, status
from benchmarks.table import Section
from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2, upscale_pb2
from deploy.local.scratch.stack import ScratchStack

_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_SIZE = (3264, 2448)
_MODEL = "realesr_animevideov3_x2"
_DOUBLE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))


async def measure(stack: ScratchStack) -> Section:
    """From the first byte uploaded to the last downloaded, with the project's own client."""
    section = Section(
        "A photo of 8 megapixels, enlarged by 2",
        f"A JPEG file of {_SIZE[0]} × {_SIZE[1]} pixels: the two sample photographs side by side again and again, at their own resolution "
        f"(what a network takes does not depend on what it sees). The compact network `{_MODEL}` on the processor, tiles and batches as "
        "they are by default; everything from the first byte uploaded to the last downloaded. *Processor*: of the model's process, and of "
        "the worker's. *Memory*: the most that each had while it worked; of the worker with mapped files, which the system can take back.",
        ("time", "processor: model", "worker", "memory: model", "worker", "result"),
    )
    worker = psutil.Process(stack.pid("inference"))
    triton = psutil.Process(stack.pid("triton")).children(recursive=True)
    (model,) = [process for process in triton if any(word.startswith(f"{_MODEL}_0") for word in process.cmdline())]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await asyncio.to_thread(draw, folder / "photo.jpg", _SIZE)
        spent = [sum(process.cpu_times()[:2]) for process in (model, worker)]
        for process in (model, worker):
            reset_peak(process.pid)
        begun = time.perf_counter()
        async with AsyncClient(stack.url, stack.api_key) as client:
            file = await client.upload(folder / "photo.jpg")
            task = await client.wait((await client.create_task([file.id], [_DOUBLE])).id)
            (result,) = await client.download(task.output_file_ids, folder / "result")
        seconds = time.perf_counter() - begun
        with Image.open(result) as enlarged:
            size = f"{enlarged.width} × {enlarged.height}, {result.stat().st_size / 2**20:.0f} MiB"
    cores = [sum(process.cpu_times()[:2]) - before for process, before in zip((model, worker), spent, strict=True)]
    section.rows.append(
        (
            f"**{seconds:.0f} s**",
            *(f"{each:.0f} s" for each in cores),
            *(f"{status('VmHWM', process.pid) / 2**20:.0f} MiB" for process in (model, worker)),
            size,
        )
    )
    alone = sum(cores) / (os.cpu_count() or 1)
    section.remarks = (
        f"Load average at the end: {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores, of which this makes 2. Alone on them it would take "
        f"about {alone:.0f} s, by its processor time."
    )
    return section


def draw(target: Path, size: tuple[int, int], quality: int = 92) -> None:
    """A JPEG file of the sample photographs, side by side again and again."""
    whole = Image.new("RGB", size)
    photos: list[Image.Image] = []
    for name in ("portrait.jpg", "coffee.jpg"):
        with Image.open(_SAMPLES / name) as file:
            photos.append(file.convert("RGB"))
    top, number = 0, 0
    while top < size[1]:
        left, height = 0, min(photo.height for photo in photos)
        while left < size[0]:
            photo = photos[number % 2]
            whole.paste(photo.crop((0, 0, photo.width, height)), (left, top))
            left, number = left + photo.width, number + 1
        top += height
    whole.save(target, quality=quality)
