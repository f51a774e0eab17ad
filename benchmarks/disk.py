"""What a disk costs: no-op tasks and the form resize on a stack whose commits wait for one."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from benchmarks.interactive import by_form
from benchmarks.load import call_until, open_connection, time_call
from benchmarks.processor import Spent, each, spending
from benchmarks.shrinking import draw_photo
from benchmarks.stacks import prepare_stack
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from benchmarks.throughput import TASKS, Figures, batch_by_grpc, by_grpc, contend, rate_of, rate_of_batches
from darkroom import AsyncClient
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack
from deploy.local.scratch.triton import install

_ROUNDS, _ALONE, _CALLERS, _SECONDS = 2, 20, 8, 4.0
_SYNCS, _PAGE = 50, bytes(8192)


async def measure(_stack: ScratchStack) -> Section:
    """On a second stack, which has a folder on the disk, and networks of a few nodes, which nothing here uses."""
    with tempfile.TemporaryDirectory(prefix="darkroom-models-") as folder:
        models = await asyncio.to_thread(install, Path(folder) / "models", "--set", "tiny")
        stack = prepare_stack(Path(tempfile.mkdtemp(prefix="darkroom-")), models)
        try:
            await asyncio.to_thread(stack.up)
            return await _measure(stack)
        finally:
            await asyncio.to_thread(stack.close)


async def _measure(stack: ScratchStack) -> Section:
    sync = median(await asyncio.to_thread(_sync_times, stack.dir))
    section = Section(
        "On a disk",
        "No-op tasks and the form resize as above, on a second stack with all its files on the disk of the machine: a commit of "
        "PostgreSQL, of both queues, waits until its write-ahead log is there, as by default, and so do messages of NATS. "
        f"{_ROUNDS} rounds in turn: medians; the resize {_ROUNDS} × {_ALONE} times alone, and by {_CALLERS} callers for {_ROUNDS} × "
        f"{_SECONDS:.0f} s. A write of {len(_PAGE) >> 10} KiB with `fdatasync`, PostgreSQL's way, took {milliseconds(sync)}.",
        ("what", "Darkroom", "procrastinate", "ratio", "processor"),
    )
    mine, other = Figures(), Figures()
    database = await connect(stack.stack.config, "tasks")
    try:
        async with AsyncClient(stack.url, stack.api_key) as client:
            await rate_of(by_grpc(client), database, 100)
            for _ in range(_ROUNDS):
                with spending(stack, mine.spent_times[0]):
                    mine.one_by_one.append(await rate_of(by_grpc(client), database))
                with spending(stack, mine.spent_times[1]):
                    mine.in_batches.append(await rate_of_batches(batch_by_grpc(client), database))
                await contend(stack, "procrastinate", other)
    finally:
        await database.close()
    rows = zip(("one by one", "in batches of 100"), ("one by one", "batches"), mine.rates(), other.rates(), mine.spent_times, strict=True)
    for name, goal, rate, its, spent in rows:
        cells = f"{rate:.0f}/s", f"{its:.0f}/s", f"{rate / its:.2f}", each(spent, _ROUNDS * TASKS)
        section.rows.append((f"no-op tasks, {name}", *cells))
        section.goals.append(GoalResult(f"{goal}, disk", cells[0], (rate / its,), cells[1], cells[3]))
    alone, together, spent = await _resizes(stack)
    shown = f"{milliseconds(percentile(alone, 0.5))}, {together / _SECONDS / _ROUNDS:.0f}/s"
    section.rows.append(("a resize by form, alone and together", shown, "–", "–", each(spent, together)))
    section.goals.append(GoalResult("resize, disk", shown, processor=each(spent, together)))
    return section


async def _resizes(stack: ScratchStack) -> tuple[list[float], int, Spent]:
    """Seconds of each call alone, how many several callers made, and what those took."""
    call = by_form(await asyncio.to_thread(draw_photo), fetched=False)
    alone: list[float] = []
    together, spent = 0, Counter[str]()
    async with AsyncExitStack() as opening:
        key = {"Authorization": f"Bearer {stack.api_key}"}
        callers = [await opening.enter_async_context(open_connection(stack.url, key)) for _ in range(_CALLERS)]
        await asyncio.gather(*map(call, callers))
        for _ in range(_ROUNDS):
            alone += [await time_call(call, callers[0]) for _ in range(_ALONE)]
            with spending(stack, spent):
                together += len(await call_until(callers, call, time.perf_counter() + _SECONDS))
    return alone, together, spent


def _sync_times(folder: Path) -> list[float]:
    """Seconds of a page appended to a file and synced, several times."""
    times = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            begun = time.perf_counter()
            file.write(_PAGE)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    (folder / "synced").unlink()
    return times
