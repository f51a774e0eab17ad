"""The processes of a stack, found by the marker in their environment, whether or not a supervisor knows them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Collection

import psutil

from deploy.local.layout import Layout
from deploy.local.supervisor import MARKER


def find_processes(layout: Layout) -> list[psutil.Process]:
    """Every other process that carries this stack's marker, and the descendants of these.

    Descendants are included because PostgreSQL's children overwrite their environment with their titles.
    """
    marker = str(layout.root)
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker:
                found |= {one.pid: one for one in [process, *process.children(recursive=True)]}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # It has ended meanwhile, or belongs to another user.
            continue
    found.pop(os.getpid(), None)
    return [process for process in found.values() if not _is_gone(process)]


async def wait_gone(processes: Collection[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait up to `seconds` until processes have ended, and return those that have not.

    A process that has ended counts as gone even if its parent has not reaped it; a container's first process may be slow to.
    """
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if not _is_gone(process)]) and time.monotonic() < deadline:  # noqa: ASYNC110 - the state of other processes
        await asyncio.sleep(0.02)
    return alive


async def end_processes(layout: Layout, *, grace_seconds: float = 5.0) -> int:
    """Stop every process of the stack without the supervisor and return how many there were.

    PostgreSQL gets SIGINT, on which it shuts down cleanly; its children are left to it at first. Processes that remain
    after the grace time are killed.
    """
    found = await asyncio.to_thread(find_processes, layout)
    names = {process.pid: _name(process) for process in found}
    for process in found:
        postgres = names[process.pid] == "postgres"
        if not (postgres and names.get(_parent(process)) == "postgres"):
            _signal(process, signal.SIGINT if postgres else signal.SIGTERM)
    alive = await wait_gone(found, grace_seconds)
    for process in alive:
        _signal(process, signal.SIGKILL)
    await wait_gone(alive, 2.0)
    return len(found)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def listening_ports(layout: Layout) -> set[int]:
    """The TCP ports that this stack's processes currently listen on."""
    ports: set[int] = set()
    for process in find_processes(layout):
        try:
            ports |= {item.laddr[1] for item in process.net_connections("tcp") if item.status == psutil.CONN_LISTEN}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return ports
