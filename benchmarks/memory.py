"""Memory of each process of a stack at rest."""

from __future__ import annotations

import asyncio

import psutil

from benchmarks.processor import families
from benchmarks.table import GoalResult, Section
from deploy.local.scratch.stack import ScratchStack
from edge.topology import THIRD_PARTY

_SETTLE_SECONDS = 30


async def measure(stack: ScratchStack) -> Section:
    """Proportional set size of each part, child processes included."""
    await asyncio.sleep(_SETTLE_SECONDS)
    section = Section(
        "Memory at rest",
        f"Proportional set size of each part with its child processes, {_SETTLE_SECONDS} s after the stack became healthy; no task has "
        "run yet. Triton holds the default set of models.",
        ("part", "processes", "memory"),
    )
    supervisor = psutil.Process(psutil.Process(stack.pid(THIRD_PARTY[0])).ppid())
    total = triton = 0
    for part, family in {"supervisor": [supervisor], **families(stack)}.items():
        used = sum(process.memory_full_info().pss for process in family)
        total += used
        triton += used if part == "triton" else 0
        section.rows.append((part, str(len(family)), f"{used / 2**20:.0f} MiB"))
    section.rows.append(("**all**", "", f"**{total / 2**20:.0f} MiB**"))
    others = (total - triton) / 2**20
    section.rows.append(("**all but Triton**", "", f"**{others:.0f} MiB**"))
    section.goals.append(GoalResult("memory", f"{others:.0f} MiB", (others,)))
    return section
