"""One task, stage by stage, and what the platform adds to the model's own time."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from google.protobuf import json_format

from benchmarks import worker
from benchmarks.load import FORM, Connection, form, open_connection
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
_UPLOAD = ("upload", "create", "until started", *_WORKER, "until known", "download", "**whole**", "model alone", "**overhead**", _LEAST)
_FORM = ("call", *_WORKER, "download", "**whole**", "**overhead**", _LEAST)
_BY_UPLOAD, _BY_FORM = "by upload", "by form"


@dataclass(frozen=True, slots=True)
class _Job:
    """A file and the operation on it, the same for either way."""

    path: Path
    operation: operation_pb2.Operation


_CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
_DOUBLE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))
_CLEAN = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
_PHOTO, _REPORT = _SAMPLES / "portrait.jpg", _SAMPLES / "report.pdf"
_JOBS = {
    "remove_background": _Job(_PHOTO, _CUT),
    "upscale": _Job(_PHOTO, _DOUBLE),
    "remove_pdf_watermark": _Job(_REPORT, _CLEAN),
}


async def measure(stack: ScratchStack) -> Section:
    """Medians of several runs, one at a time, with the project's own client."""
    section = Section(
        "One task, stage by stage",
        f"The sample photo (512 × 512) and the sample PDF (3 pages), one task at a time, medians of {_RUNS} runs after one to warm up, "
        "both ways in turn. *By upload*: the project's own client creates a record, PUTs the file, completes it, creates the task, "
        "waits for its end, and gets the result's URL and the result. *By form*: one `POST /v1/tasks?wait=60` with the file and the "
        "same operation, whose reply has the result's URL, and its GET, over connections that stay open; *call*: less the worker's "
        "stages. The worker's stages are from its log. *Model alone*: the same tensors sent to the same Triton by a script, without "
        "the platform. *Overhead*: the whole, from the first byte sent to the last received, less the operation's own time; so it has "
        "*decode* and *encode*, which a program of its own would need as well. *The least*: those two; a bare PUT and GET of the file "
        "through the edge, the client's, and straight to the storage, the worker's, which is another process; and calls that only look "
        f"at a task: by upload {_CALLS}, one each for the record of the upload, its end, the task, its end, and the result's URL; by "
        "form one.",
        ("stage", *_JOBS),
    )
    columns = {name: await _job(stack, name, job) for name, job in _JOBS.items()}
    async with connect(stack.triton_address, Patience(60, 60, 600)) as triton:
        picture = decode(_PHOTO.read_bytes(), _LIMITS)
        cut, doubled = columns["remove_background"][_BY_UPLOAD], columns["upscale"][_BY_UPLOAD]
        cut["model alone"] = await _alone(lambda timed: _cut(picture, timed), triton.model("isnet"))
        scale = await triton.scale(_UPSCALE_MODEL)
        doubled["model alone"] = await _alone(lambda timed: _upscale(picture, scale, timed), triton.model(_UPSCALE_MODEL))
    for way, stages in ((_BY_UPLOAD, _UPLOAD), (_BY_FORM, _FORM)):
        taken = [column[way] for column in columns.values()]
        for stage in stages:
            cells = (each.get(stage.strip("*")) for each in taken)
            section.rows.append((f"{way}: {stage}", *("–" if cell is None else milliseconds(cell) for cell in cells)))
        (overheads, shown), (_, beside), (_, least) = (_range(taken, stage) for stage in ("overhead", "operation", _LEAST))
        section.goals.append(GoalResult(f"overhead {way}", shown, (overheads[-1],), beside))
        section.floors[f"overhead {way}"] = least
    return section


def _range(columns: Sequence[dict[str, float]], stage: str) -> tuple[list[float], str]:
    """Milliseconds of a stage, from the least to the most, and as they are shown."""
    values = sorted(column[stage] * 1000 for column in columns)
    return values, f"{values[0]:.0f}–{values[-1]:.0f} ms"


async def _job(stack: ScratchStack, name: str, job: _Job) -> dict[str, dict[str, float]]:
    """Seconds by way and stage."""
    runs: dict[str, dict[str, list[float]]] = {_BY_UPLOAD: {}, _BY_FORM: {}}
    settings, content = stack.settings("files"), await asyncio.to_thread(job.path.read_bytes)
    endpoints = [settings[f"DARKROOM_S3_{name}"] for name in ("PUBLIC_ENDPOINT", "ENDPOINT")]
    urls = [await presign_urls(settings, endpoint) for endpoint in endpoints]
    key = {"Authorization": f"Bearer {stack.api_key}"}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            AsyncClient(stack.url, stack.api_key) as client,
            open_connection(stack.url, key) as api,
            open_connection(stack.url) as edge,
        ):
            for number in range(_RUNS + 1):
                for way, calls in ((_BY_UPLOAD, _CALLS), (_BY_FORM, 1)):
                    times = await (_upload(client, job, Path(folder)) if way == _BY_UPLOAD else _form(api, edge, job, content))
                    task_id = int(times.pop("task"))
                    stages = await worker.stages(stack, task_id)
                    stages["operation"] = stages.pop(name)
                    around = "until known" if way == _BY_UPLOAD else "call"
                    times[around] -= sum(stages.values())
                    times["overhead"] = times["whole"] - stages["operation"]
                    times[_LEAST] = stages["decode"] + stages["encode"] + calls * await _look(client, task_id)
                    for endpoint, (put, get, _) in zip(endpoints, urls, strict=True):
                        times[_LEAST] += await _bare_transfers(endpoint, put, get, content)
                    if number:
                        for stage, seconds in {**times, **stages}.items():
                            runs[way].setdefault(stage, []).append(seconds)
    return {way: {stage: statistics.median(seconds) for stage, seconds in taken.items()} for way, taken in runs.items()}


async def _upload(client: AsyncClient, job: _Job, folder: Path) -> dict[str, float]:
    """`until known` is from the start to the end."""
    begin = time.perf_counter()
    file = await client.upload(job.path)
    uploaded = time.perf_counter()
    task = await client.create_task([file.id], [job.operation])
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
        "until known": ended - created - waiting,
        "download": downloaded - ended,
        "whole": downloaded - begin,
    }


async def _form(api: Connection, edge: Connection, job: _Job, content: bytes) -> dict[str, float]:
    """`call` is the whole call."""
    begin = time.perf_counter()
    operations = json.dumps([json_format.MessageToDict(job.operation, preserving_proto_field_name=True)]).encode()
    body = form(("operations", "", operations), ("file", job.path.name, content))
    task = await api.call("POST", "/v1/tasks?wait=60", body, **FORM)
    ended = time.perf_counter()
    [file] = task["files"]
    await _send(edge, "GET", file["download_url"])
    downloaded = time.perf_counter()
    return {"task": float(task["task_id"]), "call": ended - begin, "download": downloaded - ended, "whole": downloaded - begin}


async def _bare_transfers(endpoint: str, put: str, get: str, content: bytes) -> float:
    """Seconds to PUT this content and to GET it again over an open connection."""
    async with open_connection(endpoint) as storage:
        begin = time.perf_counter()
        for verb, url, body in (("PUT", put, content), ("GET", get, b"")):
            await _send(storage, verb, url, body)
        return time.perf_counter() - begin


async def _send(connection: Connection, verb: str, url: str, body: bytes = b"") -> None:
    """Send a request to a presigned URL."""
    parts = urlsplit(url)
    await connection.request(verb, f"{parts.path}?{parts.query}", body)


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
