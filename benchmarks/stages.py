"""One task, stage by stage, and what the platform adds to the model's own time."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import worker
from benchmarks.load import open_connection
from benchmarks.table import GoalResult, Section, milliseconds
from benchmarks.transfers import presign_urls
from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2, remove_background_pb2, remove_pdf_watermark_pb2, upscale_pb2
from deploy.local.scratch.stack import ScratchStack
from services.inference.matting import matting
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.tuning import PORTRAIT
from services.inference.media import Image, Limits, decode
from services.inference.media.spool import Spool
from services.inference.model_server.shapes import Picture
from services.inference.model_server.triton import Patience, PictureModel, connect
from services.inference.upscaling import upscaling
from services.inference.upscaling.fitting import TileModel

_RUNS, _CALLS = 5, 5
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_LIMITS = Limits(megapixels=100)
_UPSCALE_MODEL = "realesr_animevideov3_x2"
_LEAST = "the least"
_WORKER = ("fetch", "decode", "operation", "encode", "store", "finalize")
_CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
_DOUBLE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))
_CLEAN = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
_JOBS = {"remove_background": ("portrait.jpg", _CUT), "upscale": ("portrait.jpg", _DOUBLE), "remove_pdf_watermark": ("report.pdf", _CLEAN)}


async def measure(stack: ScratchStack) -> Section:
    """Medians of several runs, one at a time, with the project's own client."""
    section = Section(
        "One task, stage by stage",
        f"The sample photo (512 × 512) and the sample PDF (3 pages), one task at a time, medians of {_RUNS} runs after one to warm up. "
        "The worker's stages are from its log. *model alone*: the same tensors sent to the same Triton by a script, without the platform. "
        "*overhead*: the whole, from the first byte uploaded to the last downloaded, less the operation's own time; so it has *decode* and "
        "*encode*, which a program of its own would need as well. *The least*: those two; a bare PUT and GET of the file through the edge, "
        f"the client's, and straight to the storage, the worker's, which is another process; and {_CALLS} calls that only look at a task, "
        "one each for the record of the upload, its end, the task, its end, and the result's URL.",
        ("stage", *_JOBS),
    )
    columns = {name: await _job(stack, name, _SAMPLES / file, operation) for name, (file, operation) in _JOBS.items()}
    async with connect(stack.triton_address, Patience(60, 60, 600)) as triton:
        picture = decode((_SAMPLES / "portrait.jpg").read_bytes(), _LIMITS)
        columns["remove_background"]["model alone"] = await _alone(lambda timed: _cut(picture, timed), triton.model("isnet"))
        scale = await triton.scale(_UPSCALE_MODEL)
        columns["upscale"]["model alone"] = await _alone(lambda timed: _upscale(picture, scale, timed), triton.model(_UPSCALE_MODEL))
    stages = ("upload", "create", "until started", *_WORKER, "until known", "download", "**whole**", "model alone", "**overhead**", _LEAST)
    for stage in stages:
        cells = (columns[name].get(stage.strip("*")) for name in _JOBS)
        section.rows.append((stage, *("–" if cell is None else milliseconds(cell) for cell in cells)))
    overheads, operations = (sorted(column[stage] * 1000 for column in columns.values()) for stage in ("overhead", "operation"))
    shown, beside = (f"{values[0]:.0f}–{values[-1]:.0f} ms" for values in (overheads, operations))
    section.goals.append(GoalResult("overhead", shown, (overheads[-1],), beside))
    least = sorted(column[_LEAST] * 1000 for column in columns.values())
    section.floors["overhead"] = f"{least[0]:.0f}–{least[-1]:.0f} ms"
    return section


async def _job(stack: ScratchStack, name: str, path: Path, operation: operation_pb2.Operation) -> dict[str, float]:
    """Seconds by stage."""
    runs: dict[str, list[float]] = {}
    settings, content = stack.settings("files"), await asyncio.to_thread(path.read_bytes)
    endpoints = [settings[f"DARKROOM_S3_{name}"] for name in ("PUBLIC_ENDPOINT", "ENDPOINT")]
    urls = [await presign_urls(settings, endpoint) for endpoint in endpoints]
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncClient(stack.url, stack.api_key) as client:
            for number in range(_RUNS + 1):
                times = await _run(client, path, operation, Path(folder))
                task_id = int(times.pop("task"))
                stages = await worker.stages(stack, task_id)
                stages["operation"] = stages.pop(name)
                times["until known"] = times.pop("working") - sum(stages.values())
                times["overhead"] = times["whole"] - stages["operation"]
                times[_LEAST] = stages["decode"] + stages["encode"] + _CALLS * await _look(client, task_id)
                for endpoint, (put, get, _) in zip(endpoints, urls, strict=True):
                    times[_LEAST] += await _bare_transfers(endpoint, put, get, content)
                if number:
                    for stage, seconds in {**times, **stages}.items():
                        runs.setdefault(stage, []).append(seconds)
    return {stage: statistics.median(seconds) for stage, seconds in runs.items()}


async def _run(client: AsyncClient, path: Path, operation: operation_pb2.Operation, folder: Path) -> dict[str, float]:
    begin = time.perf_counter()
    file = await client.upload(path)
    uploaded = time.perf_counter()
    task = await client.create_task([file.id], [operation])
    created = time.perf_counter()
    task = await client.wait(task.id)
    ended = time.perf_counter()
    await client.download(task.output_file_ids, folder)
    downloaded = time.perf_counter()
    waiting = (task.start_time.ToNanoseconds() - task.create_time.ToNanoseconds()) / 1e9
    return {
        "task": float(task.id),
        "upload": uploaded - begin,
        "create": created - uploaded,
        "until started": waiting,
        "working": ended - created - waiting,
        "download": downloaded - ended,
        "whole": downloaded - begin,
    }


async def _bare_transfers(endpoint: str, put: str, get: str, content: bytes) -> float:
    """Seconds to PUT this content and to GET it again over an open connection."""
    async with open_connection(endpoint) as storage:
        begin = time.perf_counter()
        for verb, url, body in (("PUT", put, content), ("GET", get, b"")):
            parts = urlsplit(url)
            await storage.request(verb, f"{parts.path}?{parts.query}", body)
        return time.perf_counter() - begin


async def _look(client: AsyncClient, task_id: int) -> float:
    """Seconds of a call that only looks at a task."""
    begin = time.perf_counter()
    await client.get_task(task_id)
    return time.perf_counter() - begin


async def _alone(work: Callable[[PictureModel], Awaitable[object]], infer: PictureModel) -> float:
    """Median time that the model's calls take within `work`, which runs outside the platform."""
    totals = []
    for _ in range(_RUNS + 1):
        spent = 0.0

        async def time_picture(picture: Picture) -> Picture:
            nonlocal spent
            started = time.perf_counter()
            output = await infer(picture)
            spent += time.perf_counter() - started
            return output

        await work(time_picture)
        totals.append(spent)
    return statistics.median(totals[1:])


async def _cut(picture: Image, infer: PictureModel) -> None:
    await matting.remove_background(picture, infer, CutoutOptions(PORTRAIT), progress=_ignore, check=_go_on)


async def _upscale(picture: Image, scale: int, infer: PictureModel) -> None:
    # One call at a time, so that their times add up.
    model = TileModel(scale=scale, infer=infer, in_flight=1)
    await upscaling.upscale(picture, 2, model, spool=Spool(Path(tempfile.gettempdir())), progress=_ignore, check=_go_on)


def _ignore(_done: float) -> None:
    """Progress of the script's own runs is not shown."""


def _go_on() -> None:
    """The script's own runs are never cancelled."""
