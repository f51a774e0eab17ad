"""What the platform is to reach on two cores, and the table that compares it with a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from benchmarks.table import Section

TITLE = "Goals"


@dataclass(frozen=True)
class Goal:
    """A goal: of what, and how much."""

    what: str
    goal: str


GOALS: Mapping[str, Goal] = {
    "one by one": Goal("no-op tasks one by one, gRPC", "2 × procrastinate"),
    "one by one, JSON": Goal("no-op tasks one by one, JSON", "2 × procrastinate"),
    "batches": Goal("no-op tasks in batches of 100, gRPC", "2.5 × procrastinate"),
    "batches, JSON": Goal("no-op tasks in batches of 100, JSON", "2.5 × procrastinate"),
    "start": Goal("call to start on an idle system, p50 / p99", "under 8 / 20 ms"),
    "wait": Goal("end to known by `?wait`, p50", "under 4 ms"),
    "SSE": Goal("end to known by Server-Sent Events, p50", "under 4 ms"),
    "WatchTask": Goal("end to known by WatchTask, p50", "under 4 ms"),
    "polls": Goal("status polls through the edge, 16 connections", "1,200/s"),
    "upload": Goal("a small upload: create, PUT, complete", "under 20 ms"),
    "upload, first use": Goal("a small upload: create, PUT, first use", "under 20 ms"),
    "overhead": Goal("overhead of a whole task over its operation", "under 60 ms"),
    "fan-out": Goal("an event to 1,000 watchers, p50", "under 60 ms"),
    "memory": Goal("memory at rest without Triton", "under 600 MiB"),
    "resize": Goal("a resize of 2 megapixels by form, p50", "under 40 ms"),
    "resize, 8 callers": Goal("the same with 8 callers", "60/s"),
    "tool: resize": Goal("the tool `resize`, p50, and with 8 callers", "39 ms, 59/s"),
    "tool: compress": Goal("the tool `compress`", "32 ms, 64/s"),
    "tool: rotate": Goal("the tool `rotate`", "63 ms, 42/s"),
    "tool: convert": Goal("the tool `convert`, to WebP", "464 ms, 8.8/s"),
    "tool: info": Goal("the tool `info`", "131 ms, 23/s"),
}


def goals(sections: Collection[Section]) -> Section:
    """One row for each goal that these sections have measured, with its floor, where one of them has it."""
    reached = {each.name: each for section in sections for each in section.goals}
    floors = {name: floor for section in sections for name, floor in section.floors.items()}
    speeds = [f"{each.speed:.2f} of that speed ({GOALS[each.name].what})" for each in reached.values() if each.speed]
    return Section(
        TITLE,
        "Each row is from this run; the sections below say how it was measured. *Contender*: procrastinate on the same PostgreSQL server, "
        "or a Node server with sharp in its process; both do less. *Floor*: the least that a part of it takes by itself in "
        "the same run. Of polls: a call through the platform's edge that asks for nothing. Of a resize and of a tool: libvips alone. "
        "A p99 is of this machine in this run, on both sides. "
        "*Processor*: time of all parts of the platform for one task or request, which other load on the machine changes little. "
        "The machine is a share of a larger one, and its speed changes up to twofold. The goals were set when "
        "procrastinate ran 348 tasks a second and sharp took 26 ms; in this run they were at "
        f"{' and '.join(speeds) or 'not measured'}.",
        ("what", "now", "contender", "ratio", "floor", "to reach", "reached", "processor"),
        [
            (
                *(goal.what, found.now, found.contender, found.ratio, floors.get(name, "–")),
                *(goal.goal, "yes" if found.is_met else "**no**", found.processor),
            )
            for name, goal in GOALS.items()
            if (found := reached.get(name)) is not None
        ],
    )
