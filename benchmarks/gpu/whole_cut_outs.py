"""Whole cut-outs of a photo of 2 megapixels, with all that a worker does around the network, on all cores.

`python -m benchmarks.gpu.whole_cut_outs ADDRESS SECONDS` is one of the processes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from benchmarks.table import Section
from services.inference.matting.matting import CutoutOptions, remove_background
from services.inference.media import Image, Limits, decode
from services.inference.media.encode import encode
from services.inference.model_server.triton import Patience, Triton, connect

_ROOT = Path(__file__).resolve().parents[2]
_SIDE = 1448
_UNDER_WAY = 2
"""Cut-outs at a time in each process: while one waits for the network, the other computes."""
_LIMITS = Limits(megapixels=100)
MODEL = "isnet"


async def measure(address: str, seconds: float) -> Section:
    """One row: the processes together."""
    section = Section(
        "Whole cut-outs",
        f"A JPEG of {_SIDE} × {_SIDE} pixels becomes a PNG with alpha: decoding, the network's input, `{MODEL}` in Triton, refining edges "
        f"and colours, encoding, by the worker's own code; a process for each core, {_UNDER_WAY} cut-outs under way in each, for "
        f"{seconds:.0f} s. *Processor*: user and system time of these processes for one cut-out, without the model server's.",
        ("processes", "cut-outs a second", "processor, ms a cut-out"),
    )
    processes = len(os.sched_getaffinity(0))
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.gpu.whole_cut_outs", address, str(seconds)),
            cwd=_ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"},
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    answers = [json.loads((await process.communicate())[0]) for process in running]
    count = sum(answer["count"] for answer in answers)
    processor = sum(answer["processor"] for answer in answers) / count * 1000
    section.rows.append((str(processes), f"{sum(answer['rate'] for answer in answers):.1f}", f"{processor:.0f}"))
    return section


def _photo() -> bytes:
    with Pillow.open(_ROOT / "samples" / "portrait.jpg") as photo:
        pixels = np.asarray(photo.convert("RGB").resize((_SIDE, _SIDE), Pillow.Resampling.LANCZOS), np.uint8)
    ok, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert ok
    return bytes(data)


async def _cut(triton: Triton, photo: bytes) -> None:
    image: Image = await asyncio.to_thread(decode, photo, _LIMITS)
    made = await remove_background(image, triton.model(MODEL), CutoutOptions(), progress=lambda _: None, check=lambda: None)
    await asyncio.to_thread(encode, made.image)


async def _run(address: str, seconds: float) -> None:
    cv2.setNumThreads(1)
    photo = _photo()
    async with connect(address, Patience(60, 120, 600), 64 << 20) as triton:
        await _cut(triton, photo)
        begun, processor, count = time.perf_counter(), time.process_time(), 0

        async def repeat() -> None:
            nonlocal count
            while time.perf_counter() - begun < seconds:
                await _cut(triton, photo)
                count += 1

        await asyncio.gather(*(repeat() for _ in range(_UNDER_WAY)))
        elapsed = time.perf_counter() - begun
    print(json.dumps({"count": count, "rate": count / elapsed, "processor": time.process_time() - processor}))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], float(sys.argv[2])))
