"""Run the benchmarks and write `benchmarks/results.md`: sections in one run, on a fresh stack with the real weights, on loopback only.

python -m benchmarks [--long | --only SECTION …]: what `make bench`, `make bench-long` and `make bench sections="…"` run. The table of goals
is replaced only by a run of all usual sections.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks import (
    claim,
    console,
    cut_outs,
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
    pictures,
    polls,
    redrawn,
    stages,
    tensors,
    throughput,
    tools,
    transfers,
    uploads,
)
from benchmarks.goals import TITLE, goals
from benchmarks.table import Section, replace_sections
from deploy.local.scratch.stack import ScratchStack
from services.inference.config import InferenceSettings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.md"
Measure = Callable[[ScratchStack], Coroutine[Any, Any, Section]]
USUAL: Mapping[str, Measure] = {
    "memory": memory.measure,
    "throughput": throughput.measure,
    "known": known.measure,
    "polls": polls.measure,
    "uploads": uploads.measure,
    "interactive": interactive.measure,
    "tools": tools.measure,
    "heavy_tools": heavy_tools.measure,
    "stages": stages.measure,
    "cut_outs": cut_outs.measure,
    "fan_out": fan_out.measure,
    "pictures": pictures.measure,
    "tensors": tensors.measure,
    "transfers": transfers.measure,
    "console": console.measure,
}
LONG: Mapping[str, Measure] = {
    "claim": claim.measure,
    "million": million.measure,
    "needs": needs.measure,
    "needs_of_files": needs_of_files.measure,
    "needs_of_models": needs_of_models.measure,
    "large": large.measure,
    "documents": documents.measure,
    "redrawn": redrawn.measure,
}
"""Each takes minutes."""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", choices=[*USUAL, *LONG], help="these sections")
    which.add_argument("--long", action="store_true", help=f"the sections that take long: {', '.join(LONG)}")
    parser.add_argument("--disk", action="store_true", help="keep the stack's files on disk even where there is room in memory")
    parser.add_argument("--dry", action="store_true", help="leave results.md alone")
    options = parser.parse_args()
    command = "make bench"
    chosen = list(USUAL)
    if options.long:
        command, chosen = "make bench-long", list(LONG)
    elif options.only:
        command, chosen = f'make bench sections="{" ".join(options.only)}"', options.only
    command += " disk=yes" if options.disk else ""
    measured = _measured(chosen, command, options.disk)
    sections = list(measured.values())
    if measured.keys() >= USUAL.keys():
        sections.insert(0, goals(sections))
        print(sections[0].markdown())
    if not options.dry:
        RESULTS.write_text(replace_sections(RESULTS.read_text(), sections, [TITLE, *(section.title for section in sections)]))
    if failed := [name for name in chosen if name not in measured]:
        sys.exit(f"not measured: {', '.join(failed)}; see above")


def _measured(chosen: list[str], command: str, disk: bool) -> dict[str, Section]:
    """The sections by name. One that fails is left out, and the others go on."""
    stack = ScratchStack(Path(tempfile.mkdtemp(prefix="darkroom-")) if disk else None, models=ROOT / ".cache" / "models")
    lanes = InferenceSettings.model_fields["lanes"].default | {"system": throughput.WORKERS}
    settings = {
        "DIAGNOSTICS": "true",
        "LANES": ",".join(f"{lane}={slots}" for lane, slots in lanes.items()),
        "MAX_STREAMS_PER_ACCOUNT": "0",
        # What is counted is counted, and none is one too many.
        "MAX_OPEN_TASKS_REST": "10000",
        **{f"RATE_LIMIT_{whose}": "1000000" for whose in ("KEY", "ACCOUNT", "ADDRESS")},
    }
    stack.configure({f"DARKROOM_{name}": value for name, value in settings.items()})
    sections: dict[str, Section] = {}
    try:
        stack.up()
        for name in chosen:
            print(f"{name} …", file=sys.stderr)
            begun, load = time.perf_counter(), os.getloadavg()[0]
            try:
                section = asyncio.run({**USUAL, **LONG}[name](stack))
            except Exception:  # noqa: BLE001 - what the others have measured is kept
                traceback.print_exc()
                continue
            section.remarks = f"{section.remarks}\n\n{_origin(command, load, stack)}".strip()
            sections[name] = section
            print(section.markdown())
            print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    finally:
        stack.close()
    return sections


def _origin(command: str, load: float, stack: ScratchStack) -> str:
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), {memory_gib:.0f} GiB, Python "
        f"{platform.python_version()}, files {'in memory' if stack.dir.is_relative_to('/dev/shm') else 'on disk'}; load average {load:.0f} "  # noqa: S108
        "before it began."
    )


if __name__ == "__main__":
    main()
