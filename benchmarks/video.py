"""Videos and animations through the public port, compared with plain scripts that do the same."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import psutil
from av.video.stream import VideoStream
from PIL import Image

from benchmarks.large import draw
from benchmarks.programs import answer
from benchmarks.table import Section
from darkroom import AsyncClient
from darkroom.operations.v1 import convert_pb2, operation_pb2, remove_background_pb2, resize_pb2, rotate_pb2, upscale_pb2
from deploy.local.scratch.stack import ScratchStack

_SIZES: Mapping[str, tuple[int, int]] = {"360p": (640, 360), "720p": (1280, 720)}
_RATE, _FRAMES, _FEW = 25, 50, 5
_EVERY_SECONDS = 0.25
_STEP = 4  # pixels that a video of the sample photographs moves from one frame to the next
_GIF_COLOURS = 128


@dataclass(frozen=True, slots=True)
class _Job:
    """An operation on a file."""

    name: str
    operation: operation_pb2.Operation
    source: str
    """The suffix of its input; `few.mp4` has fewer frames."""
    result: str
    """The suffix of its result."""


def _jobs(width: int) -> Sequence[_Job]:
    convert = {
        format_: operation_pb2.Operation(convert=convert_pb2.Convert(format=getattr(convert_pb2, f"PICTURE_FORMAT_{format_}")))
        for format_ in ("WEBP", "MP4", "WEBM")
    }
    cut = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
    return (
        _Job("resize", operation_pb2.Operation(resize=resize_pb2.Resize(width=width // 2)), "mp4", "mp4"),
        _Job("rotate", operation_pb2.Operation(rotate=rotate_pb2.Rotate(angle=90)), "mp4", "mp4"),
        _Job("GIF to WebP", convert["WEBP"], "gif", "webp"),
        _Job("GIF to MP4", convert["MP4"], "gif", "mp4"),
        _Job("MP4 to WebM", convert["WEBM"], "mp4", "webm"),
        _Job("remove_background", cut, "few.mp4", "webm"),
        _Job("upscale", operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2)), "few.mp4", "mp4"),
    )


async def measure(stack: ScratchStack) -> Section:
    """Each job once on either side, one at a time, after a small one to warm up."""
    section = Section(
        "Animations and videos",
        f"A view that moves over the sample photographs, {_FRAMES} frames with {_RATE} a second, of which the networks get {_FEW}: MP4 "
        f"(H.264) of 640 × 360 and 1280 × 720 pixels, and a GIF of {_GIF_COLOURS} colours. *Darkroom*: the project's own client, from the "
        "first byte uploaded to the last downloaded, through the public port. *A script*: PyAV with FFmpeg's filters and encoders and the "
        "options that the worker gives them, for GIF to WebP Pillow; for the networks a loop over the frames with the same ONNX model in "
        "its own process, which enlarges the mask as rembg does, without solving or steadying edges; for enlarging, Darkroom's own code "
        "without a server. Each: seconds for a second of video, and the most memory: of the worker with its children, without Triton, "
        "which has the models; and of the script, with its model.",
        ("job", *(f"{name}: {who}" for name in _SIZES for who in ("Darkroom", "a script", "ratio"))),
    )
    columns: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with AsyncClient(stack.url, stack.api_key) as client:
            for size, (width, height) in _SIZES.items():
                await asyncio.to_thread(_draw, folder / size, width, height)
                jobs = _jobs(width)
                if not columns:
                    await _task(client, stack, jobs[0], folder / size)
                for job in jobs:
                    seconds, memory = await _task(client, stack, job, folder / size)
                    source = folder / size / f"clip.{job.source}"
                    other = await answer("benchmarks.video_loop", job.name, str(source), str(folder / size / f"by-script.{job.result}"))
                    shown = (f"{_each(job, taken):.2f} s · {most / 2**20:.0f} MiB" for taken, most in ((seconds, memory), other.values()))
                    columns.setdefault(job.name, []).extend((*shown, f"{seconds / other['seconds']:.2f}"))
    section.rows += [(job, *cells) for job, cells in columns.items()]
    section.remarks = f"Load average at the end: {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores."
    return section


async def _task(client: AsyncClient, stack: ScratchStack, job: _Job, folder: Path) -> tuple[float, float]:
    """The seconds that a task took, and the most bytes that the worker had meanwhile, with its children."""
    begun = time.perf_counter()
    peak = _Peak()
    watching = asyncio.create_task(peak.watch(psutil.Process(stack.pid("inference"))))
    try:
        file = await client.upload(folder / f"clip.{job.source}")
        task = await client.wait((await client.create_task([file.id], [job.operation])).id)
        (result,) = await client.download(task.output_file_ids, folder / job.name, overwrite=True)
        seconds = time.perf_counter() - begun
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    assert result.suffix == f".{job.result}", result
    return seconds, peak.bytes


@dataclass(slots=True)
class _Peak:
    """The most memory that a process and its descendants have had together."""

    bytes: float = 0

    async def watch(self, process: psutil.Process) -> None:
        """Look, until cancelled."""
        while True:
            used = 0.0
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    used += each.memory_full_info().pss
            self.bytes = max(self.bytes, used)
            await asyncio.sleep(_EVERY_SECONDS)


def _each(job: _Job, seconds: float) -> float:
    """Seconds for a second of video."""
    return seconds / ((_FEW if job.source.startswith("few") else _FRAMES) / _RATE)


def _draw(folder: Path, width: int, height: int) -> None:
    """The inputs."""
    folder.mkdir()
    draw(folder / "wide.jpg", (width + _STEP * _FRAMES, height))
    with Image.open(folder / "wide.jpg") as wide:
        frames = [wide.crop((_STEP * number, 0, _STEP * number + width, height)) for number in range(_FRAMES)]
    for name, count in (("clip.mp4", _FRAMES), ("clip.few.mp4", _FEW)):
        with av.open(str(folder / name), "w") as file:
            stream = file.add_stream("libx264", rate=_RATE)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for frame in frames[:count]:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))
            file.mux(stream.encode())
    reduced = [frame.quantize(_GIF_COLOURS) for frame in frames]
    reduced[0].save(folder / "clip.gif", save_all=True, append_images=reduced[1:], duration=1000 // _RATE, loop=0)
