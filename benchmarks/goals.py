"""What the platform is to reach, as ratios to what the same run measures beside it, and the table that compares a run with that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from benchmarks.table import Section

TITLE = "Goals"


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit of a measured value. Of a ratio, unless it has another unit."""

    limit: float
    least: bool = False
    """Whether values from the limit on are good; otherwise those up to it."""
    unit: str = "×"

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.limit:g} {self.unit}"

    def holds(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value >= self.limit if self.least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: of what, which benchmark measures it, and the limit of each of its values. Without a limit it is only shown."""

    what: str
    section: str
    bounds: tuple[Bound, ...] = ()


_OVERHEAD = (Bound(50, unit="ms"),)
_FORM = (Bound(1.6), Bound(0.75, least=True))
_ONE_BY_ONE, _BATCHES = (Bound(1.6, least=True),), (Bound(3, least=True),)
GOALS: Mapping[str, Goal] = {
    "one by one": Goal("no-op tasks one by one, gRPC", "throughput", _ONE_BY_ONE),
    "one by one, JSON": Goal("no-op tasks one by one, JSON", "throughput", _ONE_BY_ONE),
    "one by one, disk": Goal("no-op tasks one by one, gRPC, on a disk", "disk"),
    "batches": Goal("no-op tasks in batches of 100, gRPC", "throughput", _BATCHES),
    "batches, JSON": Goal("no-op tasks in batches of 100, JSON", "throughput", _BATCHES),
    "batches, disk": Goal("no-op tasks in batches of 100, gRPC, on a disk", "disk"),
    "start": Goal("call to start on an idle system, p50", "throughput", (Bound(2),)),
    "wait": Goal("end to known by `?wait`, p50", "known"),
    "SSE": Goal("end to known by Server-Sent Events, p50", "known"),
    "WatchTask": Goal("end to known by WatchTask, p50", "known"),
    "polls": Goal("status polls through the edge, 16 connections", "bare_edge", (Bound(0.9, least=True),)),
    "upload": Goal("a small upload: create, PUT, complete", "uploads"),
    "upload, first use": Goal("a small upload: create, PUT, first use", "uploads"),
    "overhead by form": Goal("overhead of a whole task over its operation, by form", "stages", _OVERHEAD),
    "overhead by upload": Goal("overhead of a whole task over its operation, by upload", "stages", _OVERHEAD),
    "fan-out": Goal("an event to 1,000 watchers, p50", "fan_out"),
    "memory": Goal("memory at rest without Triton", "memory", (Bound(450, unit="MiB"),)),
    "rest, processor": Goal("processor at rest without Triton", "memory", (Bound(1, unit="% of a core"),)),
    "rest, commits": Goal("commits of PostgreSQL at rest", "memory", (Bound(5, unit="/s"),)),
    "resize": Goal("a resize of 2 megapixels by form, p50", "interactive", _FORM[:1]),
    "resize, 8 callers": Goal("the same with 8 callers", "interactive", _FORM[1:]),
    "resize, processor": Goal("processor time of one of these calls", "interactive", (Bound(1.8),)),
    "resize, disk": Goal("the resize by form, on a disk, p50 and with 8 callers", "disk"),
    "tool: resize": Goal("the tool `resize`, p50 and with 8 callers", "tools", _FORM),
    "tool: compress": Goal("the tool `compress`", "tools", _FORM),
    "tool: rotate": Goal("the tool `rotate`", "tools", _FORM),
    "tool: crop": Goal("the tool `crop`", "tools", _FORM),
    "tool: info": Goal("the tool `info`", "tools", _FORM),
    "tool: convert": Goal("the tool `convert`, to WebP", "tools", _FORM),
}


def goals(sections: Collection[Section]) -> Section:
    """One row for each goal that these sections have measured, with its floor, where one of them has it."""
    results = {each.name: each for section in sections for each in section.goals}
    floors = {name: floor for section in sections for name, floor in section.floors.items()}
    table = Section(
        TITLE,
        "Each row is from this run; the sections below say how it was measured. A goal is a ratio to what is measured *beside* it in the "
        "same run, since the machine is a share of a larger one, and its speed changes up to twofold; only what is measured at rest and "
        "the overhead of a task have absolute goals. *Beside*: procrastinate on the same PostgreSQL server; a Node server with sharp in "
        "its process, which does less; of polls, the same through a bare edge of gRPC; of the processor time, libvips alone; of the "
        "overhead, the operations' own time; of uploads, the PUT alone through the edge; of the end to known, a status poll. *Floor*: of "
        "no-op tasks and pictures by form, the bare experiments below, which keep the guarantees and nothing else; of polls, the bare "
        "edge without gRPC, which keeps no guarantee; of the overhead, decoding, encoding, and the bare calls. "
        "*Processor*: time of all parts of the platform for one task or request. Rows without a goal are only shown.",
        ("what", "now", "beside", "ratio", "floor", "to reach", "reached", "processor"),
    )
    for name, goal in GOALS.items():
        if (result := results.get(name)) is not None:
            ratio = ", ".join(f"{value:.2f}" for value in result.values) if all(bound.unit == "×" for bound in goal.bounds) else ""
            wanted = ", ".join(map(str, goal.bounds))
            is_met = all(bound.holds(value) for bound, value in zip(goal.bounds, result.values, strict=True)) if goal.bounds else None
            verdict = {True: "yes", False: "**no**", None: "–"}[is_met]
            row = (goal.what, result.now, result.beside, ratio, floors.get(name, ""), wanted, verdict, result.processor)
            table.rows.append(tuple(cell or "–" for cell in row))
    return table
