"""How much a model does, and how long a request takes, by how many are under way; beside the network in onnxruntime by itself."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton_client

from benchmarks.gpu import hardware
from benchmarks.gpu.cases import Case
from benchmarks.table import milliseconds, percentile
from deploy.local.scratch.triton import VENV
from services.inference.model_server.triton import Triton

CALLERS = (1, 4, 16)
TITLE = "Load"
METHOD = (
    "The worker's own client, with shared memory where server and client share a machine. *First*: the longest and the median time of the "
    "first request of each shape of the model's warm-up, after the server was ready. *Callers*: each sends its next request as soon as it "
    "has its answer. *Batch*: how many rows the server ran together, on average, by its statistics. *GPU*: the share of time in which "
    "a kernel ran, and memory in use, by nvidia-smi, at its highest. *onnxruntime alone*: the same network and settings in a process of "
    "its own, without Triton, by rows in a run, while Triton rests."
)
COLUMNS = ("model", "first", "callers", "per second", "p50", "p95", "batch", "GPU", "its memory", "onnxruntime alone")
_ALONE = Path(__file__).with_name("alone.py")


async def measure_first(server: Triton, address: str, case: Case) -> str:
    """The longest and the median time of the first request of each declared shape."""
    taken = []
    for batch, height, width, channels in _declared(address, case.model) or [(case.batch, case.height, case.width, case.channels)]:
        picture = np.random.default_rng(1).integers(0, 256, (batch, height, width, channels), np.uint8)
        begun = time.perf_counter()
        await server.infer(case.model, picture)
        taken.append(time.perf_counter() - begun)
    return f"{milliseconds(max(taken))}, {milliseconds(statistics.median(taken))} ({len(taken)})"


async def measure_load(server: Triton, address: str, case: Case, seconds: float, first: str, alone: str) -> list[Sequence[str]]:
    """A row for each number of callers, about `seconds` each."""
    picture = case.request()
    await server.infer(case.model, picture)
    rows = [await _row(server, address, case, callers, seconds) for callers in CALLERS]
    empty = ["–"] * (len(rows) - 1)
    return [
        (f"`{case.model}`", its_first, *row, its_alone)
        for row, its_first, its_alone in zip(rows, [first, *empty], [alone, *empty], strict=True)
    ]


async def measure_alone(address: str, case: Case, repository: Path | None, seconds: float) -> str:
    """Rows a second by rows in a run; a dash without the files, or for a model that is not on a GPU."""
    files = [] if repository is None else sorted((repository / case.model).glob("*/model.onnx"))
    parameters = _parameters(address, case.model)
    if not files or "batch_sizes" not in parameters or not (VENV / "bin" / "python").exists():
        return "–"
    size = f"{case.height}x{case.width}x{case.channels}"
    arguments = [str(seconds), str(files[-1]), parameters["gpu_memory_mib"], parameters["batch_sizes"], size]
    process = await asyncio.create_subprocess_exec(
        str(VENV / "bin" / "python"), str(_ALONE), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    answer, _ = await process.communicate()
    if process.returncode:
        return "failed"
    return ", ".join(f"{rows}: {rate:.1f}" for rows, rate in json.loads(answer).items())


async def _row(server: Triton, address: str, case: Case, callers: int, seconds: float) -> Sequence[str]:
    picture = case.request()
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


def _declared(address: str, model: str) -> list[tuple[int, ...]]:
    """The shapes of the model's warm-up on a GPU."""
    config = _config(address, model)
    if "batch_sizes" not in config.parameters and "cudnn_conv_algo_search" not in config.parameters:
        return []
    return [(warmup.batch_size, *warmup.inputs["image"].dims) for warmup in config.model_warmup]


def _parameters(address: str, model: str) -> Mapping[str, str]:
    return {key: value.string_value for key, value in _config(address, model).parameters.items()}


def _config(address: str, model: str) -> triton_client.model_config_pb2.ModelConfig:
    client = triton_client.InferenceServerClient(address)
    try:
        return client.get_model_config(model).config
    finally:
        client.close()
