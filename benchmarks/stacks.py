"""The stacks that are measured: the real one, with room for what a benchmark asks of it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.throughput import WORKERS
from deploy.local.scratch.stack import ScratchStack
from services.inference.config import InferenceSettings


def prepare_stack(directory: Path | None, models: Path) -> ScratchStack:
    """A stack in this folder, by default in memory where there is room. It is not started yet, and has to be closed."""
    stack = ScratchStack(directory, models=models)
    lanes = InferenceSettings.model_fields["lanes"].default | {"system": WORKERS}
    settings = {
        "DIAGNOSTICS": "true",
        "LANES": ",".join(f"{lane}={slots}" for lane, slots in lanes.items()),
        "MAX_STREAMS_PER_ACCOUNT": "0",
        # What is counted is counted, and none is one too many.
        "MAX_OPEN_TASKS_REST": "10000",
        **{f"RATE_LIMIT_{whose}": "1000000" for whose in ("KEY", "ACCOUNT", "ADDRESS")},
    }
    stack.configure({f"DARKROOM_{name}": value for name, value in settings.items()})
    return stack
