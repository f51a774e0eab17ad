"""How far a server's results are from those of the same networks in float32 on the processor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.gpu.cases import Case
from benchmarks.onnx_models import run_in
from services.inference.model_server.shapes import Picture
from services.inference.model_server.triton import Triton

TITLE = "The same results"
METHOD = (
    "The output for a photo beside that of the same network in float32 on the processor, in levels of 0 to 255. float16 and TensorRT may "
    "differ by a level or two here and there; a mean above 1 says that something is wrong. Maps of text are mostly empty, so there "
    "*crossing* counts: the pixels on the other side of the threshold, as a share of those above it. Over 1 %, the model has to be "
    "installed in float32 (`precision`)."
)
COLUMNS = ("model", "mean difference", "99.9 % of samples within", "largest", "crossing")
_THRESHOLD = 0.3 * 255
"""Of services/inference/ocr/detection.py."""


async def compare(server: Triton, exact: Path, case: Case) -> list[Sequence[str]]:
    """A row, or none where the folder `exact` lacks the model or its output is no picture."""
    files = sorted((exact / case.model).glob("*/model.onnx"))
    if not files or case.unit == "lines":
        return []
    picture = case.request()[:1]
    here = await server.infer(case.model, picture)
    there = await asyncio.to_thread(run_in, files[-1], picture)
    return [(f"`{case.model}`", *difference(here, there), crossing(here, there) if case.is_map else "–")]


def difference(one: Picture, other: Picture) -> Sequence[str]:
    """Mean, 99.9th percentile and maximum of the absolute difference."""
    levels = np.abs(one.astype(np.int16) - other.astype(np.int16))
    return f"{levels.mean():.3f}", f"{np.percentile(levels, 99.9):.0f}", f"{levels.max()}"


def crossing(one: Picture, exact: Picture) -> str:
    """The pixels that are on the other side of the threshold, as a share of those above it in `exact`."""
    above = int((exact > _THRESHOLD).sum())
    moved = int(((one > _THRESHOLD) != (exact > _THRESHOLD)).sum())
    return f"{moved / above:.2%}" if above else f"{moved} pixels, of none"
