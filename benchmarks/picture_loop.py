"""The minimum work for a picture: `python -m benchmarks.picture_loop OPERATION SOURCES RESULTS`.

One process reads, decodes, runs the same ONNX model, refines, encodes and writes, one picture after the other: the operation's own code
without a server, a queue or storage. It warms up with one picture, reports that with an empty line, and then processes all pictures once
for each line that it reads, and answers with the time and resources that took, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from services.inference.matting import matting
from services.inference.matting.tuning import PORTRAIT
from services.inference.media import Image, Limits, configure_libvips, decode, encode
from services.inference.media.spool import Spool
from services.inference.upscaling import upscaling
from services.inference.upscaling.fitting import TileModel

MODELS = {"remove_background": "isnet", "upscale": "realesr_animevideov3_x2"}
FACTOR = 2
_LIMITS = Limits()


async def run(operation: str, picture: Image, folder: Path, threads: int) -> Image:
    """What the worker would do, with the model in this process."""

    async def infer(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return onnx_models.run(MODELS[operation], pictures, threads, spinning=False)

    if operation == "remove_background":
        return (await matting.remove_background(picture, infer, matting.CutoutOptions(PORTRAIT), progress=_ignore, check=_go_on)).image
    model = TileModel(FACTOR, infer, in_flight=1)
    return await upscaling.upscale(picture, FACTOR, model, spool=Spool(folder), progress=_ignore, check=_go_on)


async def loop(operation: str, sources: list[Path], results: Path, threads: int) -> None:
    """All pictures, one after the other."""
    for source in sources:
        picture = decode(source.read_bytes(), _LIMITS)
        (results / f"{source.stem}.png").write_bytes(encode(await run(operation, picture, results, threads)))


def _ignore(_done: float) -> None:
    """The loop's progress is not shown."""


def _go_on() -> None:
    """The loop is never cancelled."""


def main() -> None:
    """Serve requests from standard input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.picture_loop")
    parser.add_argument("operation", choices=MODELS)
    parser.add_argument("sources", type=Path)
    parser.add_argument("results", type=Path)
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    cv2.setNumThreads(threads)
    configure_libvips(threads)
    sources = sorted(options.sources.iterdir())
    asyncio.run(loop(options.operation, sources[:1], options.results, threads))
    print(flush=True)
    for _ in sys.stdin:
        begun, spent = time.perf_counter(), time.process_time()
        asyncio.run(loop(options.operation, sources, options.results, threads))
        print(json.dumps({"seconds": time.perf_counter() - begun, "processor_seconds": time.process_time() - spent}), flush=True)


if __name__ == "__main__":
    main()
