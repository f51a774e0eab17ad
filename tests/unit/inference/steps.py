"""The steps of a run as a worker takes them, without fetching and delivering."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.run import Product, Run


async def process(pipeline: Pipeline, run: Run) -> Product | None:
    """What a run makes; None if its operations make nothing."""
    async with reserved(pipeline, run):
        await pipeline.decode(run)
        await pipeline.apply(run)
        await pipeline.encode(run)
    return run.product


@asynccontextmanager
async def reserved(pipeline: Pipeline, run: Run) -> AsyncIterator[None]:
    """Hold the memory that a run needs while the block runs."""
    async with run.resources:
        await pipeline.read_headers(run)
        await pipeline.reserve(run)
        yield
