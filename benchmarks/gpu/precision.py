"""Whether a model gives on this server what it gives in float32 on a processor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.gpu.cases import Case
from benchmarks.onnx_models import run_in
from services.inference.model_server.triton import Picture, Triton

TITLE = "The same results"
METHOD = (
    "The output for a photo beside that of the same network in float32 on the processor, in levels of 0 to 255. float16 and TensorRT may "
    "differ by a level or two here and there; a mean above 1 says that something is wrong, and the model should be installed in another "
    "precision."
)
COLUMNS = ("model", "mean difference", "99.9 % of samples within", "largest")


async def compared(server: Triton, exact: Path, case: Case) -> list[Sequence[str]]:
    """A row, or none where the folder `exact` lacks the model or its output is no picture."""
    files = sorted((exact / case.model).glob("*/model.onnx"))
    if not files or case.unit == "lines":
        return []
    picture = case.request()[:1]
    here = await server.infer(case.model, picture)
    there = await asyncio.to_thread(run_in, files[-1], picture)
    return [(f"`{case.model}`", *_difference(here, there))]


def _difference(one: Picture, other: Picture) -> Sequence[str]:
    levels = np.abs(one.astype(np.int16) - other.astype(np.int16))
    return f"{levels.mean():.3f}", f"{np.percentile(levels, 99.9):.0f}", f"{levels.max()}"
