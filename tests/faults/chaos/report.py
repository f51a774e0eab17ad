"""The account of a run: what was done to the system, what clients did meanwhile, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.faults.chaos.havoc import Havoc
from tests.faults.chaos.load import Load
from tests.faults.chaos.machine import SmallDisk, SteppedClock
from tests.faults.chaos.recovery import Recovery

FILE = Path(__file__).resolve().parents[3] / ".cache" / "chaos.txt"
_SURFACES = {
    "pilio": "Pilio, /v1/images",
    "rest": "native, /v1/tasks",
    "pi": "Pi, /api/v1/jobs",
    "claid": "Claid, image edit",
    "fal": "fal, queue",
    "snapotter": "SnapOtter, /api/v1/tools",
}
_NATIVE = "native, gRPC"
_SLOWEST = 3


def report(havoc: Havoc, load: Load, recovery: Recovery, disk: SmallDisk, clock: SteppedClock, ends: Counter[str]) -> str:
    """The report, a fact on each line."""
    kinds = Counter(deed.kind for deed in havoc.done.elements())
    tasks = Counter(_SURFACES.get(one.kind, _NATIVE) for one in load.accepted)
    lines = ["# Done to the system", *_counted(havoc.kills, "killed {} times")]
    lines += [f"pairs killed at the same moment: {kinds['pair']}", *_counted(havoc.seconds, "for {} s in all")]
    lines += [f"{kind}: {kinds[kind]} times" for kind in ("pause", "restart", "drop")]
    lines.append(
        f"clock stepped and set back: {kinds['clock']} times" if clock.environment else "clock stepped: not, for lack of a C compiler"
    )
    if not disk.mounted:
        lines.append("disk full: not, for lack of the right to mount a small one")
    lines += ["# Done by clients", *_counted(tasks, "{} tasks accepted")]
    lines += [f"tasks accepted: {len(load.accepted)}; cancelled: {len(load.cancelled)}; watched from start to end: {len(load.watched)}"]
    lines += [f"replies {surface}: {_statuses(load, surface)}" for surface in sorted({surface for surface, _ in load.replies.counts})]
    lines += ["# Came of it", *_counted(ends, "{} tasks")]
    times = sorted(recovery.times)
    if times:
        slowest = "; ".join(f"{seconds:.1f} s after {fault}" for seconds, fault in times[: -_SLOWEST - 1 : -1])
        lines.append(f"recovery, measured {len(times)} times: median {median(seconds for seconds, _ in times):.1f} s, longest {slowest}")
    return "\n".join(lines)


def write(text: str, log: Sequence[str]) -> None:
    """Print it, and keep it with each deed."""
    print(text, flush=True)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("\n".join([text, "# In this order", *log, ""]))


def _counted(counts: Counter[str], told: str) -> list[str]:
    return [f"{name}: {told.format(count)}" for name, count in sorted(counts.items())]


def _statuses(load: Load, surface: str) -> str:
    return ", ".join(f"{status} × {count}" for (one, status), count in sorted(load.replies.counts.items()) if one == surface)
