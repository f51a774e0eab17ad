"""Processor time of the parts of a stack, which other load on the machine changes little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.table import milliseconds
from deploy.local.scratch.stack import ScratchStack
from edge.topology import PARTS

_LEAST = 0.00005

Spent = Counter[str]
"""Microseconds of each part, child processes included, ended ones too."""


def processor_seconds(processes: list[psutil.Process]) -> float:
    """What these processes have taken so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def run_seconds(processes: list[psutil.Process]) -> float:
    """What these processes have run so far, to the nanosecond, and their ended children, to hundredths, as `cpu_times` counts them."""
    seconds, nanoseconds = 0.0, 0
    for process in processes:
        seconds += sum(process.cpu_times()[2:4])
        for schedule in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            with suppress(OSError):  # it has just ended
                nanoseconds += int(schedule.read_text().split()[0])
    return seconds + nanoseconds / 1e9


def families(stack: ScratchStack) -> Mapping[str, list[psutil.Process]]:
    """The process of each part with its descendants. Parts that share a process have a common name."""
    names: dict[int, list[str]] = {}
    for part in PARTS:
        names.setdefault(stack.pid(part), []).append(part)
    roots = {" + ".join(parts): psutil.Process(pid) for pid, parts in names.items()}
    return {name: [root, *root.children(recursive=True)] for name, root in roots.items()}


def spent_so_far(stack: ScratchStack) -> Spent:
    """Since each part was started."""
    spent: Spent = Counter()
    for part, family in families(stack).items():
        for process in family:
            with suppress(psutil.NoSuchProcess):  # it has just ended, and is now in its parent's time
                spent[part] += round(sum(process.cpu_times()[:4]) * 1e6)
    return spent


@contextmanager
def spending(stack: ScratchStack, total: Spent) -> Iterator[None]:
    """Add what the parts take within the block."""
    before = spent_so_far(stack)
    yield
    total.update(spent_so_far(stack) - before)


def each(spent: Spent, count: int) -> str:
    """What each of so many tasks or requests took in all."""
    return milliseconds(spent.total() / 1e6 / count)


def shares(spent: Spent, count: int) -> str:
    """What each of them took of every part, the largest first."""
    seconds = {part: microseconds / 1e6 / count for part, microseconds in spent.most_common()}
    return ", ".join(f"{part} {milliseconds(taken)}" for part, taken in seconds.items() if taken >= _LEAST)
