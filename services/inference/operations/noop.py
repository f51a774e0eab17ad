"""Occupy a worker for a while."""

from __future__ import annotations

import asyncio

from darkroom.operations.v1.noop_pb2 import Noop
from services.inference.contract.step import Step


async def run(_medium: None, parameters: Noop, step: Step) -> None:
    """Wait `steps` times."""
    for done in range(parameters.steps):
        step.check()
        step.report(done / parameters.steps, f"Step {done + 1} of {parameters.steps}")
        await asyncio.sleep(parameters.step_milliseconds / 1000)
