"""The floor at rest: the third-party servers of a stack, an edge and two Python processes, without the platform's services."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.bare_envoy import SOCKET, envoy
from benchmarks.bare_service import STREAMS
from benchmarks.processor import run_seconds
from benchmarks.table import Section
from deploy.local.scratch.resources import free_port
from deploy.local.scratch.stack import ScratchStack

_SERVERS = ("postgres", "nats", "s3")
_DATABASES = 3
_SETTLE_SECONDS, _SECONDS = 20, 60


async def measure(_stack: ScratchStack) -> Section:
    """Each process of a bare system that nobody uses."""
    section = Section(
        "The floor at rest",
        "What the system of *At rest* would take if the services did nothing and knew nothing: the same PostgreSQL, NATS and S3 servers "
        "with the same settings, an Envoy of the least configuration, and two Python processes, one for the services and one for the "
        "worker. Each has a server of grpc.aio on uvloop and the messages of the API; that of the services has a connection to NATS, "
        f"which keeps {STREAMS} streams in files, and one to each of {_DATABASES} databases, that of the worker the process from "
        f"which it would fork confined children. {_SETTLE_SECONDS} s after the start; *processor* in the {_SECONDS} s that follow. *Of it "
        "programs*: unchanged pages of files, which count by half where the stack that is measured has them too.",
        ("part", "memory", "of it programs", "processor"),
    )
    stack = ScratchStack()
    try:
        await asyncio.to_thread(stack.up, _SERVERS)
        async with AsyncExitStack() as opening:
            folder = opening.enter_context(TemporaryDirectory())
            databases = [(await asyncio.to_thread(stack.create_database)).replace("+asyncpg", "") for _ in range(_DATABASES)]
            edge = await opening.enter_async_context(envoy(folder, free_port(), "http"))
            services = await _service(opening, stack.nats_url, f"{folder}/{SOCKET}", *databases)
            worker = await _service(opening, "", f"{folder}/worker.sock")
            roots = {name: stack.pid(name) for name in _SERVERS} | {"services": services, "worker": worker, "envoy": edge}
            families = {name: [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)] for name, pid in roots.items()}
            await asyncio.sleep(_SETTLE_SECONDS)
            before = _seconds(families)
            await asyncio.sleep(_SECONDS)
            shares = {name: (now - before[name]) / _SECONDS * 100 for name, now in _seconds(families).items()}
            memory = {name: _memory(family) for name, family in families.items()}
    finally:
        await asyncio.to_thread(stack.close)
    section.rows += [(name, *(f"{value:.0f} MiB" for value in memory[name]), f"{shares[name]:.2f} %") for name in families]
    totals = [sum(values) for values in (*zip(*memory.values(), strict=True), shares.values())]
    section.rows.append(("**all**", f"**{totals[0]:.0f} MiB**", f"**{totals[1]:.0f} MiB**", f"**{totals[2]:.2f} %**"))
    section.floors = {"memory": f"{totals[0]:.0f} MiB", "rest, processor": f"{totals[2]:.2f} %"}
    return section


async def _service(opening: AsyncExitStack, *arguments: str) -> int:
    """The id of such a process, which is ready."""
    command = (sys.executable, "-m", "benchmarks.bare_service", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    opening.push_async_callback(process.communicate, b"")
    assert process.stdout is not None
    assert await process.stdout.readline()
    return process.pid


def _seconds(families: Mapping[str, list[psutil.Process]]) -> dict[str, float]:
    return {name: run_seconds(family) for name, family in families.items()}


def _memory(family: list[psutil.Process]) -> tuple[float, float]:
    """Mebibytes of processes, and those of them that are unchanged pages of files."""
    sizes = [0, 0]
    for process in family:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            name, _, size = line.partition(":")
            if name in ("Pss", "Pss_File"):
                sizes[name == "Pss_File"] += int(size.split()[0])
    return sizes[0] / 1024, sizes[1] / 1024
