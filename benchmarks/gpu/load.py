"""How much a model does, and how long a request takes, by how many are under way."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

import tritonclient.grpc as triton_client

from benchmarks.gpu import hardware
from benchmarks.gpu.cases import Case
from benchmarks.table import milliseconds, percentile
from services.inference.model_server.shapes import Picture
from services.inference.model_server.triton import Triton

CALLERS = (1, 2, 4, 8, 16)
TITLE = "Load"
METHOD = (
    "The worker's own client, with shared memory where server and client share a machine. *Callers*: each sends its next request as soon "
    "as it has its answer. *Batch*: how many rows the server ran together, on average, by its own statistics. *GPU*: the share of time in "
    "which a kernel ran, and memory in use, by nvidia-smi, at its highest. Choose `--instances` and worker slots where a further caller "
    "brings no more."
)
COLUMNS = ("model", "callers", "per second", "p50", "p95", "batch", "GPU", "its memory")


async def measure_load(server: Triton, address: str, case: Case, seconds: float) -> list[Sequence[str]]:
    """A row for each number of callers, about `seconds` each."""
    picture = case.request()
    # The first request may load, choose or build something.
    await server.infer(case.model, picture)
    return [await _row(server, address, case, picture, callers, seconds) for callers in CALLERS]


async def _row(server: Triton, address: str, case: Case, picture: Picture, callers: int, seconds: float) -> Sequence[str]:
    before = _ran(address, case.model)
    begun = time.perf_counter()
    deadline = begun + seconds
    taken: list[float] = []

    async def call() -> None:
        while not taken or time.perf_counter() < deadline:
            started = time.perf_counter()
            await server.infer(case.model, picture)
            taken.append(time.perf_counter() - started)

    async with hardware.watch() as gpu:
        await asyncio.gather(*(call() for _ in range(callers)))
    elapsed = time.perf_counter() - begun
    rows, runs = (now - then for now, then in zip(_ran(address, case.model), before, strict=True))
    return (
        f"`{case.model}`",
        str(callers),
        f"{len(taken) * case.batch / elapsed:.1f} {case.unit}",
        milliseconds(statistics.median(taken)),
        milliseconds(percentile(taken, 0.95)),
        f"{rows / runs:.1f}" if runs else "–",
        gpu.share,
        gpu.memory,
    )


def _ran(address: str, model: str) -> tuple[int, int]:
    """How many rows the server has run, and in how many runs."""
    client = triton_client.InferenceServerClient(address)
    try:
        found = client.get_inference_statistics(model).model_stats
        return sum(one.inference_count for one in found), sum(one.execution_count for one in found)
    finally:
        client.close()
