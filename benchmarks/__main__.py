"""Run the benchmarks and write `benchmarks/results.md`.

python -m benchmarks [--long] [--only SECTION …] [--write]: all sections in one run on a fresh stack with the real weights, on loopback
only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks import documents, fan_out, large, memory, million, needs, pictures, polls, redrawn, stages, tensors, throughput, transfers
from benchmarks.table import Section, replaced
from deploy.local.scratch.stack import ScratchStack

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.md"
SECTIONS: dict[str, Callable[[ScratchStack], Coroutine[Any, Any, Section]]] = {
    "memory": memory.measure,
    "stages": stages.measure,
    "pictures": pictures.measure,
    "large": large.measure,
    "tensors": tensors.measure,
    "needs": needs.measure,
    "polls": polls.measure,
    "throughput": throughput.measure,
    "fan_out": fan_out.measure,
    "transfers": transfers.measure,
    "million": million.measure,
    "documents": documents.measure,
    "redrawn": redrawn.measure,
}
# Takes minutes on its own.
LONG = ("million", "large", "documents", "redrawn")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="sections to run; results.md is then left alone")
    parser.add_argument("--write", action="store_true", help="with --only: put its sections into results.md, in place of the ones there")
    parser.add_argument("--long", action="store_true", help=f"also the sections that take long: {', '.join(LONG)}")
    options = parser.parse_args()
    usual = [name for name in SECTIONS if options.long or name not in LONG]
    chosen = options.only or usual
    stack = ScratchStack(models=ROOT / ".cache" / "models")
    # Requests are counted, and none is one too many.
    unreached = {f"DARKROOM_RATE_LIMIT_{whose}": "1000000" for whose in ("KEY", "ACCOUNT", "ADDRESS")}
    lanes = f"neural=2,document=1,system={throughput.WORKERS}"
    streams = {"DARKROOM_MAX_STREAMS_PER_ACCOUNT": "0"}
    stack.configure({"DARKROOM_DIAGNOSTICS": "true", "DARKROOM_LANES": lanes, **unreached, **streams})
    try:
        started = time.perf_counter()
        stack.up()
        print(f"stack up after {time.perf_counter() - started:.1f} s", file=sys.stderr)
        sections: list[Section] = []
        for name in chosen:
            print(f"{name} …", file=sys.stderr)
            load = os.getloadavg()[0]
            section = asyncio.run(SECTIONS[name](stack))
            if chosen != usual:
                section.remarks = f"{section.remarks}\n\n{_alone(name, load)}".strip()
            sections.append(section)
            print(section.markdown())
    finally:
        stack.close()
    text = "\n".join([_heading(), *(section.markdown() for section in sections)])
    if chosen == usual:
        RESULTS.write_text(text)
    elif options.write:
        RESULTS.write_text(replaced(RESULTS.read_text(), sections))


def _alone(name: str, load: float) -> str:
    return (
        f"Measured by `python -m benchmarks --only {name}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, while the load average was {load:.0f} "
        f"on {os.cpu_count()} cores before it began. With more load, every row would be slower."
    )


def _heading() -> str:
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        "# Benchmarks\n\n"
        f"`make bench`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), {memory_gib:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}. Everything, the load generator included, shares the machine, so "
        "figures are for comparison within a table rather than for quoting alone. Times are medians unless a table says otherwise.\n"
    )


if __name__ == "__main__":
    main()
