"""The GPUs of this machine, by nvidia-smi; a machine without says so."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import tritonclient.grpc as triton_client

_LOOK_SECONDS = 0.5
_NONE = "–"


@dataclass
class HardwareUse:
    """What was seen while something ran."""

    shares: list[int] = field(default_factory=list)
    megabytes: list[int] = field(default_factory=list)

    @property
    def share(self) -> str:
        """The highest share of time in which a kernel ran."""
        return f"{max(self.shares)} %" if self.shares else _NONE

    @property
    def memory(self) -> str:
        """The most memory in use."""
        return f"{max(self.megabytes):,} MiB" if self.megabytes else _NONE


async def describe_machine(address: str) -> str:
    """The machine and the server, for the head of a page."""
    gpus = await asyncio.to_thread(_query, "name,driver_version,memory.total,power.limit")
    client = triton_client.InferenceServerClient(address)
    try:
        server = client.get_server_metadata()
    finally:
        client.close()
    found = "; ".join(", ".join(gpu) for gpu in gpus) if gpus else "no GPU: nvidia-smi is missing or finds none"
    return f"{found}. {os.cpu_count()} cores ({platform.machine()}). Triton {server.version}."


@asynccontextmanager
async def watch() -> AsyncIterator[HardwareUse]:
    """Look at the GPUs while the block runs."""
    seen = HardwareUse()

    async def look() -> None:
        while gpus := await asyncio.to_thread(_query, "utilization.gpu,memory.used"):
            # "[N/A]" of the share with MIG, and of both on some boards.
            if shares := [int(gpu[0]) for gpu in gpus if gpu[0].isdecimal()]:
                seen.shares.append(max(shares))
            if used := [int(gpu[1]) for gpu in gpus if gpu[1].isdecimal()]:
                seen.megabytes.append(sum(used))
            await asyncio.sleep(_LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


def _query(fields: str) -> list[list[str]]:
    """A row for each GPU; none without nvidia-smi."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    asked = subprocess.run([command, f"--query-gpu={fields}", "--format=csv,noheader,nounits"], capture_output=True, text=True, check=False)
    return [[cell.strip() for cell in line.split(",")] for line in asked.stdout.splitlines()] if asked.returncode == 0 else []
