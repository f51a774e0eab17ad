"""Memory, processor time and commits of a stack at rest."""

from __future__ import annotations

import asyncio
from collections import Counter

import psutil

from benchmarks.processor import Spent, families, spent_so_far
from benchmarks.table import GoalResult, Section
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack
from edge.topology import THIRD_PARTY

_SETTLE_SECONDS, _SECONDS = 30, 40
_COMMITS = "SELECT sum(xact_commit) FROM pg_stat_database"


async def measure(stack: ScratchStack) -> Section:
    """Proportional set size and processor time of each part, child processes included."""
    await asyncio.sleep(_SETTLE_SECONDS)
    section = Section(
        "At rest",
        f"Proportional set size of each part with its child processes, {_SETTLE_SECONDS} s after the stack became healthy; no task has "
        f"run yet. Triton holds the default set of models. *Processor*: share of one core over {_SECONDS} s from then on.",
        ("part", "processes", "memory", "processor"),
    )
    supervisor = psutil.Process(psutil.Process(stack.pid(THIRD_PARTY[0])).ppid())
    own = await connect(stack.stack.config, "postgres")
    try:
        before, commits = _spent(stack, supervisor), await own.fetchval(_COMMITS)
        await asyncio.sleep(_SECONDS)
        commits = float(await own.fetchval(_COMMITS) - commits) / _SECONDS
        spent = {part: (now - before[part]) / _SECONDS / 1e4 for part, now in _spent(stack, supervisor).items()}
    finally:
        await own.close()
    memory = {}
    for part, family in {"supervisor": [supervisor], **families(stack)}.items():
        memory[part] = sum(process.memory_full_info().pss for process in family) / 2**20
        section.rows.append((part, str(len(family)), f"{memory[part]:.0f} MiB", f"{spent[part]:.2f} %"))
    for name, left_out in (("**all**", ""), ("**all but Triton**", "triton")):
        totals = [sum(value for part, value in values.items() if part != left_out) for values in (memory, spent)]
        section.rows.append((name, "", f"**{totals[0]:.0f} MiB**", f"**{totals[1]:.2f} %**"))
    section.remarks = f"PostgreSQL committed {commits:.1f} transactions a second."
    section.goals = [
        GoalResult("memory", f"{totals[0]:.0f} MiB", (totals[0],)),
        GoalResult("rest, processor", f"{totals[1]:.2f} %", (totals[1],)),
        GoalResult("rest, commits", f"{commits:.1f}/s", (commits,)),
    ]
    return section


def _spent(stack: ScratchStack, supervisor: psutil.Process) -> Spent:
    return Counter({"supervisor": round(sum(supervisor.cpu_times()[:2]) * 1e6), **spent_so_far(stack)})
