"""The cost of moving tensors to the model server and back, through its socket and through shared memory."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.table import Section, milliseconds
from deploy.local.scratch.stack import ScratchStack
from deploy.local.scratch.triton import TritonServer, install, running
from services.inference.model_server.shapes import Picture
from services.inference.model_server.triton import Patience, connect

_ROUNDS, _REQUESTS = 5, 20
_SHARED = 64 << 20
_PATIENCE = Patience(60, 60, 600)
_CASES = {
    "a cut-out's picture (`isnet`)": ("isnet", (1, 1024, 1024, 3)),
    "4 tiles of an upscale by 2": ("realesr_animevideov3_x2", (4, 256, 256, 3)),
    "4 tiles of an upscale by 4": ("realesr_animevideov3_x4", (4, 256, 256, 3)),
}


async def measure(_stack: ScratchStack) -> Section:
    """Both ways, with networks of a few nodes, so that most of the time is the transfer."""
    section = Section(
        "Tensors to the model server",
        "One request after the other by the worker's own client to a Triton of its own, whose networks are of a few nodes (`--set tiny`), "
        f"so that the way of the tensors is most of what is measured. {_ROUNDS} rounds of {_REQUESTS} requests each, in turn: medians. "
        "*Processor*: of client and server together, for each request.",
        ("request", "in", "out", "socket", "shared memory", "processor: socket", "shared memory"),
    )
    with tempfile.TemporaryDirectory() as folder:
        repository = await asyncio.to_thread(install, Path(folder) / "models", "--set", "tiny")
        with running(repository, Path(folder) / "triton.log") as server:
            for name, (model, shape) in _CASES.items():
                picture = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
                section.rows.append((name, *await _compared(server, model, picture)))
    return section


async def _compared(server: TritonServer, model: str, picture: Picture) -> list[str]:
    waited: list[list[float]] = [[], []]
    spent: list[list[float]] = [[], []]
    size = 0
    for _ in range(_ROUNDS):
        for way, shared in enumerate((0, _SHARED)):
            async with connect(server.address, _PATIENCE, shared) as triton:
                for _ in range(2):
                    # The first call always goes through the socket; by the second, the memory is registered.
                    size = (await triton.infer(model, picture)).nbytes
                before = _processor_seconds(server)
                for _ in range(_REQUESTS):
                    begun = time.perf_counter()
                    await triton.infer(model, picture)
                    waited[way].append(time.perf_counter() - begun)
                spent[way].append((_processor_seconds(server) - before) / _REQUESTS)
    sizes = [f"{count / 2**20:.1f} MiB" for count in (picture.nbytes, size)]
    return [*sizes, *(milliseconds(statistics.median(times)) for taken in (waited, spent) for times in taken)]


def _processor_seconds(server: TritonServer) -> float:
    root = psutil.Process(server.process.pid)
    return time.process_time() + sum(sum(process.cpu_times()[:2]) for process in (root, *root.children(recursive=True)))
