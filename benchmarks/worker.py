"""What a stack's worker says about its attempts in its log, on this machine's clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from deploy.local.scratch.stack import ScratchStack

_LINES_A_TASK = 10
_PATIENCE_SECONDS, _PAUSE = 5.0, 0.1


async def begins(stack: ScratchStack, tasks: Collection[int]) -> dict[int, float]:
    """When the worker had the admission to each of these recent tasks. Raises RuntimeError if the log does not tell."""
    completed = await _lines(stack, "attempt_completed", tasks)
    return {task: _begin(line) for task, line in completed.items()}


async def ends(stack: ScratchStack, tasks: Collection[int]) -> dict[int, float]:
    """When the worker was done with each of these recent tasks, before it said so. Raises RuntimeError if the log does not tell."""
    completed = await _lines(stack, "attempt_completed", tasks)
    return {task: _begin(line) + sum(line["stages"].values()) for task, line in completed.items()}


async def stages(stack: ScratchStack, task: int) -> dict[str, float]:
    """Seconds of each stage of a task that has just been completed. Raises RuntimeError if the log does not tell."""
    return dict((await _lines(stack, "attempt_completed", [task]))[task]["stages"])


def _begin(completed: dict[str, Any]) -> float:
    return datetime.fromisoformat(completed["timestamp"]).timestamp() - float(completed["seconds"])


async def _lines(stack: ScratchStack, event: str, tasks: Collection[int]) -> dict[int, dict[str, Any]]:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            found: dict[int, dict[str, Any]] = {}
            for line in await asyncio.to_thread(stack.log, "inference", _LINES_A_TASK * (len(tasks) + 10)):
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("event") == event and int(entry["task_id"]) in tasks:
                    found[int(entry["task_id"])] = entry
            if len(found) == len(tasks):
                return found
            await asyncio.sleep(_PAUSE)
