"""The report about the steps of a pipeline that has run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.tasks.v1 import task_pb2
from services.gateway.surfaces.snapotter.runs import RunRecord


def completed_steps(kept: RunRecord, run: run_service_pb2.Run) -> Sequence[dict[str, object]]:
    """Those that were done, with the sizes of what they gave: the last one a file, the others samples in memory."""
    ends = list(accumulate(operations for _, operations in kept.steps))
    done = [run.operation_bytes[end - 1] for end in ends[:-1] if end <= len(run.operation_bytes)]
    if run.state == task_pb2.TASK_STATE_SUCCEEDED:
        done.append(run.outputs[0].size_bytes)
    numbered = enumerate(zip(kept.steps, done, strict=False), start=1)
    return [{"step": number, "toolId": tool_id, "size": size} for number, ((tool_id, _), size) in numbered]


def failed_step(kept: RunRecord, run: run_service_pb2.Run) -> tuple[int, str]:
    """The number and the tool of the step that a task failed in."""
    ends = accumulate(operations for _, operations in kept.steps)
    number = next((number for number, end in enumerate(ends, start=1) if len(run.operation_bytes) < end), len(kept.steps))
    return number, kept.steps[number - 1][0]
