"""What a cut-out costs the worker around the network, stage by stage."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.table import Section, milliseconds
from deploy.local.scratch.stack import ScratchStack
from services.inference.matting import alpha_refinement, matting
from services.inference.matting.edge_solving import solve_edges
from services.inference.matting.foreground import decontaminate
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.subjects import doubtful_parts, segmentation_of
from services.inference.matting.tuning import PORTRAIT
from services.inference.media import Image, Limits, Saving, decode, encode
from services.inference.media.resampling import resize
from services.inference.model_server.triton import Patience, connect
from services.pictures.media_format import MediaFormat

_RUNS = 5
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_SIDES = 512, 1448, 3464
_LIMITS = Limits(megapixels=100)
_OTHERS, _ALL, _DECODING, _ENCODING = "the rest", "**all of these, in one run**", "decoding a JPEG", "encoding the PNG"
_WAITING = "waiting for the network"

Result = TypeVar("Result")
Pixels8 = npt.NDArray[np.uint8]


async def measure(stack: ScratchStack) -> Section:
    """The sample photo in three sizes."""
    photo = decode((_SAMPLES / "portrait.jpg").read_bytes(), _LIMITS)
    columns: list[dict[str, float]] = []
    async with connect(stack.triton_address, Patience(60, 60, 600)) as triton:
        infer = triton.model("isnet")
        for side in _SIDES:
            image = Image(resize(photo.pixels, side, side))
            prepared = matting.model_input(image)
            await infer(prepared)
            began = time.perf_counter()
            alpha = await infer(prepared)
            waited = time.perf_counter() - began
            columns.append({**_stages(image, alpha[0, :, :, 0]), **await _whole(image, alpha), _WAITING: waited})
    section = Section(
        "The processor around a cut-out",
        "The sample photo, enlarged to three sizes, by the worker's own code in one process, with as many threads as there are cores, as "
        f"in a worker: processor time of all threads, medians of {_RUNS} runs after one to warm up, so that neither the network nor other "
        f"load on the machine counts. *{_WAITING.capitalize()}*: one request to the stack's own model server, which computes on the "
        "processor here, by the clock.",
        ("stage", *(f"{side} × {side}" for side in _SIDES)),
    )
    stages = [name for name in columns[0] if name not in (_ALL, _DECODING, _ENCODING, _WAITING)]
    for column in columns:
        column[_OTHERS] = max(0.0, column[_ALL] - sum(column[name] for name in stages))
    for stage in (*stages, _OTHERS, _ALL, _DECODING, _ENCODING, _WAITING):
        section.rows.append((stage, *(milliseconds(column[stage]) for column in columns)))
    section.remarks = f"Processor: {_processor()}."
    return section


def _stages(image: Image, coarse: Pixels8) -> dict[str, float]:
    """Seconds by stage."""
    prepared = matting.model_input(image)[0]
    settled = matting.settle_alpha(coarse, prepared)
    solved = solve_edges(settled, prepared, PORTRAIT, _go_on)
    enlarged = alpha_refinement.enlarge(solved, image.width, image.height)

    def refined() -> npt.NDArray[np.uint16]:
        alpha = enlarged.copy()
        alpha_refinement.refine(alpha, solved, image.srgb(), _go_on, prepared)
        return alpha

    final = refined()
    return {
        "the network's input": _spent(lambda: matting.model_input(image)),
        "subjects, doubtful parts": _spent(lambda: (segmentation_of(coarse), doubtful_parts(settled))),
        "solid plateaus": _spent(lambda: matting.settle_alpha(coarse, prepared)),
        "solving the edges": _spent(lambda: solve_edges(settled, prepared, PORTRAIT, _go_on)),
        "enlarging, refining": _spent(lambda: (alpha_refinement.enlarge(solved, image.width, image.height), refined())),
        "colours of the edges": _spent(lambda: decontaminate(image.pixels, final, None, _go_on)),
    }


async def _whole(image: Image, alpha: Pixels8) -> dict[str, float]:
    """Seconds of the whole, with a network that answers at once, and of reading and writing the files."""

    async def known(_pictures: Pixels8) -> Pixels8:
        return alpha

    times = []
    for _ in range(_RUNS + 1):
        began = time.process_time()
        cutout = await matting.remove_background(image, known, CutoutOptions(PORTRAIT), progress=_ignore, check=_go_on)
        times.append(time.process_time() - began)
    file = encode(image, Saving(MediaFormat.JPEG))
    return {
        _ALL: statistics.median(times[1:]),
        _DECODING: _spent(lambda: decode(file, _LIMITS)),
        _ENCODING: _spent(lambda: encode(cutout.image, Saving(MediaFormat.PNG))),
    }


def _spent(work: Callable[[], Result]) -> float:
    times = []
    for _ in range(_RUNS + 1):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times[1:])


def _processor() -> str:
    """The processor's name, where the system has it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _ignore(_done: float) -> None:
    """The script's own runs show no progress."""


def _go_on() -> None:
    """The script's own runs are never cancelled."""
