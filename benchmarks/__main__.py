"""Run the benchmarks and write `benchmarks/results.md`: sections in one run, on a fresh stack with the real weights, on loopback only.

python -m benchmarks [--long | --only SECTION …]: what `make bench`, `make bench-long` and `make bench sections="…"` run. The table of goals
is replaced only by a run of all usual sections.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from benchmarks import (
    bare_edge,
    bare_resize,
    bare_rest,
    bare_tasks,
    claim,
    console,
    cut_outs,
    disk,
    documents,
    fan_out,
    heavy_tools,
    interactive,
    known,
    large,
    memory,
    million,
    needs,
    needs_of_files,
    needs_of_models,
    other_tools,
    picture_urls,
    pictures,
    polls,
    redrawn,
    small_files,
    stages,
    tensors,
    throughput,
    tools,
    transfers,
    uploads,
    video,
)
from benchmarks.goals import TITLE, goals
from benchmarks.origin import RESULTS, origin
from benchmarks.stacks import prepare_stack
from benchmarks.table import Section, replace_sections
from deploy.local.scratch.stack import ScratchStack

ROOT = Path(__file__).resolve().parent.parent
Measure = Callable[[ScratchStack], Coroutine[Any, Any, Section]]
USUAL: Mapping[str, Measure] = {
    "memory": memory.measure,
    "bare_rest": bare_rest.measure,
    "throughput": throughput.measure,
    "bare_tasks": bare_tasks.measure,
    "known": known.measure,
    "polls": polls.measure,
    "bare_edge": bare_edge.measure,
    "uploads": uploads.measure,
    "small_files": small_files.measure,
    "interactive": interactive.measure,
    "bare_resize": bare_resize.measure,
    "disk": disk.measure,
    "tools": tools.measure,
    "heavy_tools": heavy_tools.measure,
    "stages": stages.measure,
    "fan_out": fan_out.measure,
    "transfers": transfers.measure,
    "picture_urls": picture_urls.measure,
}
"""By the names of their modules: what goals are about, and what is short; less than 20 minutes in all on two idle cores."""
LONG: Mapping[str, Measure] = {
    "other_tools": other_tools.measure,
    "cut_outs": cut_outs.measure,
    "console": console.measure,
    "pictures": pictures.measure,
    "tensors": tensors.measure,
    "claim": claim.measure,
    "million": million.measure,
    "needs": needs.measure,
    "needs_of_files": needs_of_files.measure,
    "needs_of_models": needs_of_models.measure,
    "large": large.measure,
    "documents": documents.measure,
    "redrawn": redrawn.measure,
    "video": video.measure,
}
"""Most take minutes."""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", choices=[*USUAL, *LONG], help="these sections")
    which.add_argument("--long", action="store_true", help=f"the sections that take long: {', '.join(LONG)}")
    parser.add_argument("--dry", action="store_true", help="leave results.md alone")
    options = parser.parse_args()
    command = "make bench"
    chosen = list(USUAL)
    if options.long:
        command, chosen = "make bench-long", list(LONG)
    elif options.only:
        command, chosen = f'make bench sections="{" ".join(options.only)}"', options.only
    measured = _measured(chosen, command)
    sections = list(measured.values())
    if not options.dry:
        RESULTS.write_text(replace_sections(RESULTS.read_text(), sections, [TITLE, *(section.title for section in sections)]))
    if failed := [name for name in chosen if name not in measured]:
        sys.exit(f"not measured: {', '.join(failed)}; see above")


def _measured(chosen: list[str], command: str) -> dict[str, Section]:
    """The sections by name, with that of the goals after all usual ones. One that fails is left out, and the others go on."""
    begun, first_load = time.perf_counter(), os.getloadavg()[0]
    stack = prepare_stack(None, ROOT / ".cache" / "models")
    sections: dict[str, Section] = {}
    seconds: dict[str, float] = {}
    try:
        stack.up()
        seconds["start of the stack"] = time.perf_counter() - begun
        for name in chosen:
            print(f"{name} …", file=sys.stderr)
            section_begun, load = time.perf_counter(), os.getloadavg()[0]
            try:
                section = asyncio.run({**USUAL, **LONG}[name](stack))
            except Exception:  # noqa: BLE001 - what the others have measured is kept
                traceback.print_exc()
                continue
            finally:
                seconds[name] = time.perf_counter() - section_begun
            section.remarks = f"{section.remarks}\n\n{origin(command, name, load, stack.dir)}".strip()
            sections[name] = section
            print(section.markdown())
            print(f"{name}: {seconds[name]:.0f} s", file=sys.stderr)
    finally:
        stack.close()
    for name, taken in seconds.items():
        print(f"{taken:7.0f} s  {name}", file=sys.stderr)
    print(f"{time.perf_counter() - begun:7.0f} s  in all", file=sys.stderr)
    if sections.keys() >= USUAL.keys():
        table = goals(sections.values())
        table.remarks = origin(command, "goals", first_load, stack.dir)
        print(table.markdown())
        return {"goals": table, **sections}
    return sections


if __name__ == "__main__":
    main()
