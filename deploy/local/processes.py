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
    """Every other process that carries this stack's marker, and what descends from one.

    Descendants count because PostgreSQL's children write their titles over their environment.
    """
    marker = str(layout.root)
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker:
                found |= {one.pid: one for one in [process, *process.children(recursive=True)]}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # Ended meanwhile, or another user's.
            continue
    found.pop(os.getpid(), None)
    return [process for process in found.values() if not _is_gone(process)]


async def wait_gone(processes: Collection[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until processes have ended, and return those that have not by then.

    One that has ended counts as gone though its parent has not collected it; a container's first process may take its time.
    """
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if not _is_gone(process)]) and time.monotonic() < deadline:  # noqa: ASYNC110 - the state of other processes
        await asyncio.sleep(0.02)
    return alive


async def end_processes(layout: Layout, *, grace_seconds: float = 5.0) -> int:
    """Stop every process of the stack without the supervisor and return how many those were.

    PostgreSQL gets SIGINT, on which it leaves its files clean; its children follow it and are left to it at first.
    Whatever is there after the grace time is killed.
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
    """The TCP ports that this stack's processes listen on at the moment."""
    ports: set[int] = set()
    for process in find_processes(layout):
        try:
            ports |= {item.laddr[1] for item in process.net_connections("tcp") if item.status == psutil.CONN_LISTEN}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return ports
