"""Memory, processor time and commits of a stack at rest."""

from __future__ import annotations

import asyncio

import psutil

from benchmarks.interactive import by_form
from benchmarks.load import open_connection
from benchmarks.processor import families, run_seconds
from benchmarks.shrinking import draw_photo
from benchmarks.table import GoalResult, Section
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack
from edge.topology import THIRD_PARTY

_SETTLE_SECONDS, _SECONDS = 90, 60
_COMMITS = "SELECT sum(xact_commit) FROM pg_stat_database"


async def measure(stack: ScratchStack) -> Section:
    """Proportional set size and processor time of each part, child processes included."""
    await asyncio.sleep(_SETTLE_SECONDS)
    section = Section(
        "At rest",
        f"Proportional set size of each part with its child processes, {_SETTLE_SECONDS} s after the stack became healthy; no task has "
        f"run yet. Triton holds the default set of models. *Processor*: share of one core in the {_SECONDS} s that follow. *After a "
        "picture*: once a form resize has been answered, since what reads pictures is loaded with the first.",
        ("part", "memory", "after a picture", "processor"),
    )
    supervisor = psutil.Process(psutil.Process(stack.pid(THIRD_PARTY[0])).ppid())
    own = await connect(stack.stack.config, "postgres")
    try:
        before, commits = _seconds(stack, supervisor), await own.fetchval(_COMMITS)
        await asyncio.sleep(_SECONDS)
        commits = float(await own.fetchval(_COMMITS) - commits) / _SECONDS
        spent = {part: (now - before[part]) / _SECONDS * 100 for part, now in _seconds(stack, supervisor).items()}
    finally:
        await own.close()
    memory = _memory(stack, supervisor)
    picture = by_form(await asyncio.to_thread(draw_photo), fetched=False)
    async with open_connection(stack.url, {"Authorization": f"Bearer {stack.api_key}"}) as caller:
        await picture(caller)
    used = _memory(stack, supervisor)
    section.rows += [(part, f"{memory[part]:.0f} MiB", f"{used[part]:.0f} MiB", f"{spent[part]:.2f} %") for part in memory]
    for name, left_out in (("**all**", ""), ("**all but Triton**", "triton")):
        totals = [sum(value for part, value in values.items() if part != left_out) for values in (memory, used, spent)]
        section.rows.append((name, *(f"**{total:.0f} MiB**" for total in totals[:2]), f"**{totals[2]:.2f} %**"))
    section.remarks = f"PostgreSQL committed {commits:.1f} transactions a second."
    section.goals = [
        GoalResult("memory", f"{totals[0]:.0f} MiB", (totals[0],)),
        GoalResult("rest, processor", f"{totals[2]:.2f} %", (totals[2],)),
        GoalResult("rest, commits", f"{commits:.1f}/s", (commits,)),
    ]
    return section


def _memory(stack: ScratchStack, supervisor: psutil.Process) -> dict[str, float]:
    """Mebibytes of each part."""
    groups = _groups(stack, supervisor)
    return {part: sum(process.memory_full_info().pss for process in family) / 2**20 for part, family in groups.items()}


def _seconds(stack: ScratchStack, supervisor: psutil.Process) -> dict[str, float]:
    """What each part has run so far."""
    return {part: run_seconds(family) for part, family in _groups(stack, supervisor).items()}


def _groups(stack: ScratchStack, supervisor: psutil.Process) -> dict[str, list[psutil.Process]]:
    return {"supervisor": [supervisor], **families(stack)}
