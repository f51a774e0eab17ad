"""Runs the worker's operations without a worker: their context, and what one of them needs."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peak import reset_peak, status
from darkroom.operations.v1 import operation_pb2
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.step import DocumentLimits, Tools
from services.inference.media import Header, Limits, configure_libvips, isolated, read_header
from services.inference.model_server.triton import Patience, connect
from services.inference.pipeline.memory_needs import needed_memory
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Product, Run, Source
from services.inference.pipeline.stages import Stages
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox

_RESOURCES = SandboxLimits(memory_bytes=6 << 30, file_bytes=4 << 30)


class _Nothing:
    """Keeps nothing for later attempts."""

    async def download_kept(self, _folder: Path) -> Mapping[str, Path]:
        return {}

    async def keep(self, _key: str, _file: Path, _media_type: str) -> None:
        return


async def process(pipeline: Pipeline, source: Source, folder: Path) -> Product | None:
    """What a run makes that reports nothing and is never cancelled."""
    run = Run(folder, lambda _done, _said: None, lambda: None, lambda *_: None, Stages(), keeping=_Nothing(), sources=(source,))
    async with run.resources:
        await pipeline.read_headers(run)
        await pipeline.reserve(run)
        await pipeline.decode(run)
        await pipeline.apply(run)
        await pipeline.encode(run)
    return run.product


@dataclass(frozen=True, slots=True)
class Needed:
    """What one picture took. All but the time are bytes."""

    samples: int
    peak: int
    """Resident memory of this process at its highest, beyond what it had before."""
    reserved_bytes: int
    seconds: float


async def needed(
    operation: operation_pb2.Operation,
    triton_address: str,
    models: Models,
    limits: Limits,
    draw: Callable[[bool, Path], None],
    beside: Path | None,
) -> Needed:
    """Run an operation on what `draw` writes: a small picture, which triggers imports and starts threads, then the one that is measured.

    `beside` is the auxiliary file of an operation that has one.
    """
    configure_libvips(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, source = Source("small.png", folder / "small", 0), Source("photo.png", folder / "input", 0)
        await asyncio.to_thread(draw, True, small.path)
        await asyncio.to_thread(draw, False, source.path)
        async with (
            Sandbox(preload=[isolated.__name__], limits=_RESOURCES) as sandbox,
            connect(triton_address, Patience(60, 300, 600), 64 << 20) as triton,
        ):
            tools = Tools(
                triton=triton,
                sandbox=sandbox,
                models=models,
                picture_limits=limits,
                picture_resources=_RESOURCES,
                result_limits=limits,
                memory=MemoryBudget(64 << 30),
                documents=DocumentLimits(1 << 30, 600, 30),
            )
            bound = Registry().bind([operation])
            pipeline = Pipeline(tools, bound, 1 << 30)
            await pipeline.prepare(lambda _file_id: _beside(beside))
            await process(pipeline, small, folder)
            before, began = reset_peak(), time.perf_counter()
            await process(pipeline, source, folder)
            seconds, peak = time.perf_counter() - began, status("VmHWM") - before
        header = _header(source.path, limits)
        auxiliaries = [_header(beside, limits)] if beside is not None else []
        return Needed(header.samples_bytes, peak, needed_memory(header, bound, auxiliaries, limits), seconds)


async def _beside(file: Path | None) -> Source:
    assert file is not None
    return Source(file.name, file, 0)


def _header(file: Path, limits: Limits) -> Header:
    return read_header(file.read_bytes(), limits)
