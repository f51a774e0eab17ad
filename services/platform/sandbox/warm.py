"""Children that are kept for several jobs of one account, for work that is over before a fresh child would be ready.

A warm child is confined like a fresh one, for good, and may open no file of any job: it gets them open. It has what it needs imported and
set up, and another is forked ahead for the next account, and may rehearse its work. Nothing of one account reaches a child that works for
another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from services.platform.errors import DarkroomError
from services.platform.log import get_logger
from services.platform.sandbox import warm_child
from services.platform.sandbox.host import Limits, Sandbox, SandboxCrashed, SandboxLost, SandboxTimedOut, answer_of, cause_of_death, job_of
from services.platform.sandbox.memory_file import in_memory
from services.platform.sandbox.warm_child import WarmJob
from services.platform.sandbox.wire import HEADER, MAX_REPLY_BYTES, Kind, frame

_Result = TypeVar("_Result")
_PID = struct.Struct("!I")
_WATCHED_SECONDS = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")
_logger = get_logger()


class WarmChildren:
    """Runs functions in children that serve one account at a time.

    At most `working` work at once; further calls wait, and those that are not `urgent` leave a place to others. Up to `kept` live, so that
    several accounts that take turns keep theirs, and one more that has worked for nobody. A child ends after `jobs` jobs, `seconds` after
    its first, to make room, and after any job that ends neither with a result nor with a DarkroomError.

    A child begins with `rehearsal`, which gets two empty files and does what jobs do. Each page of memory that a forked process writes to
    is copied first, so that its first job takes several times as long as the second.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        working: int,
        kept: int,
        jobs: int,
        seconds: float,
        limits: Limits,
        rehearsal: Callable[[int, int], object] | None = None,
    ) -> None:
        self._sandbox, self._jobs, self._seconds, self._limits = sandbox, jobs, seconds, limits
        self._rehearsal = rehearsal
        self._kept = max(kept, working)
        self._slots = asyncio.Semaphore(working)
        self._slots_of_others = asyncio.Semaphore(max(1, working - 1))
        self._idle: list[_Child] = []
        self._working = 0
        self._ahead: asyncio.Task[_Child] | None = None
        sandbox.before_idle_end = self._end_idle

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all children that are not working."""
        ahead = self._ahead
        self._end_idle()
        if ahead is not None:
            ahead.cancel()
            await asyncio.wait([ahead])

    def _end_idle(self) -> None:
        while self._idle:
            self._idle.pop().end()
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.add_done_callback(_end_made)

    async def run(
        self,
        account_id: int,
        function: Callable[..., _Result],
        files: Sequence[int],
        *args: Any,
        urgent: bool = False,
        on_progress: Callable[..., None] | None = None,
    ) -> _Result:
        """The result of `function(*files, *args)` in a child of this account: `files` are open files, by their descriptors there.

        As `Sandbox.run`, the limits being those of the children: memory of a child, and time of each of its jobs.
        """
        job = _job(function, args, with_progress=on_progress is not None)
        async with self._sandbox.in_use(), nullcontext() if urgent else self._slots_of_others, self._slots:
            child = await self._child_of(account_id)
            self._working += 1
            try:
                if not child.take(job, files):
                    _logger.warning("warm_child_ended_early", why=await child.last_words())
                    child.end()
                    child = await self._child_of(account_id)
                    child.take(job, files)
                result = await child.answer(on_progress, self._limits)
            except DarkroomError:
                self._keep(child)
                raise
            except BaseException:
                child.end()
                raise
            finally:
                self._working -= 1
            self._keep(child)
        return cast(_Result, result)

    async def _child_of(self, account_id: int) -> _Child:
        for child in [each for each in self._idle if each.account_id == account_id]:
            self._idle.remove(child)
            if child.lives():
                return child
            child.end()
        if self._idle and self._working + len(self._idle) >= self._kept:
            self._idle.pop(0).end()
        child = await self._new()
        child.account_id = account_id
        asyncio.get_running_loop().call_later(self._seconds, self._retire, child)
        return child

    async def _new(self) -> _Child:
        """A child that has worked for nobody yet, and another one forked ahead."""
        ahead, self._ahead = self._ahead, asyncio.create_task(self._start())
        if ahead is not None:
            with contextlib.suppress(OSError, SandboxCrashed):
                child = await ahead
                if child.lives():
                    return child
                child.end()
        return await self._start()

    async def _start(self) -> _Child:
        connection, leash = await self._sandbox.launch()
        child = _Child(connection, leash)
        try:
            await child.begin(self._limits, self._seconds)
            if self._rehearsal is not None:
                with in_memory() as source, in_memory() as target:
                    child.take(_job(self._rehearsal), [source, target])
                    await child.answer(None, self._limits)
                child.jobs = 0
        except BaseException:
            child.end()
            raise
        return child

    def _keep(self, child: _Child) -> None:
        if child.old or child.jobs >= self._jobs:
            child.end()
        else:
            self._idle.append(child)

    def _retire(self, child: _Child) -> None:
        child.old = True
        if child in self._idle:
            self._idle.remove(child)
            child.end()


def _job(function: Callable[..., object], args: tuple[Any, ...] = (), *, with_progress: bool = False) -> WarmJob:
    return WarmJob(f"{function.__module__}:{function.__qualname__}", args, with_progress)


def _end_made(making: asyncio.Task[_Child]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().end()


class _Child:
    """The host's side of one warm child."""

    def __init__(self, connection: socket.socket, leash: socket.socket) -> None:
        self._connection, self._leash = connection, leash
        self._pid = 0
        self._loop = asyncio.get_running_loop()
        self.account_id = 0
        self.jobs = 0
        self._unsent = b""
        self.old = False

    def end(self) -> None:
        """Kill it if it still runs."""
        self._leash.close()
        self._connection.close()

    def lives(self) -> bool:
        """Whether it has not ended by itself."""
        try:
            self._leash.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def begin(self, limits: Limits, seconds: float) -> None:
        """Have it confine itself."""
        # For its whole life; `do` watches each job.
        life = replace(limits, cpu_seconds=limits.cpu_seconds + math.ceil(seconds))
        job = job_of(warm_child.serve, (), life, with_connection=True)
        async with asyncio.timeout(limits.wall_seconds):
            kind, payload = await self._next_frame()
            if kind != Kind.STARTED:
                raise SandboxCrashed("the child did not start")
            (self._pid,) = _PID.unpack(payload)
            await self._loop.sock_sendall(self._connection, frame(Kind.JOB, pickle.dumps(job)))

    def take(self, job: WarmJob, files: Sequence[int]) -> bool:
        """Whether it got the job: one that has ended gets none, and has done nothing of it."""
        self.jobs += 1
        data = frame(Kind.JOB, pickle.dumps(job))
        try:
            self._unsent = data[socket.send_fds(self._connection, [data], files) :]
        except ConnectionError:
            return False
        return True

    async def answer(self, on_progress: Callable[..., None] | None, limits: Limits) -> Any:
        """The job's result. Raises as `Sandbox.run`; after anything but a DarkroomError the child must be ended."""
        watch = _Watch(self._loop, self._pid, limits.cpu_seconds, self._leash)
        try:
            async with asyncio.timeout(limits.wall_seconds):
                if self._unsent:
                    await self._loop.sock_sendall(self._connection, self._unsent)
                return await self._converse(on_progress)
        except TimeoutError as error:
            raise SandboxTimedOut(f"no answer within {limits.wall_seconds:g} s") from error
        except (ConnectionError, SandboxCrashed) as error:
            if watch.used_up:
                raise SandboxTimedOut("processor time used up") from error
            if isinstance(error, SandboxLost):
                raise
            raise SandboxCrashed(str(error)) from error
        finally:
            watch.stop()

    async def last_words(self) -> str:
        """Why one that has ended did so, for logs: never what it sent as a result."""
        try:
            await self._converse(None)
        except Exception as error:  # noqa: BLE001 - whatever ended it
            return repr(error)
        return "it answered before it was asked"

    async def _converse(self, on_progress: Callable[..., None] | None) -> Any:
        while True:
            kind, payload = await self._next_frame()
            try:
                if kind == Kind.PROGRESS and on_progress is not None:
                    on_progress(*json.loads(payload))
                    continue
                return answer_of(kind, payload)
            except (ValueError, KeyError, TypeError) as error:
                raise SandboxCrashed("the child's reply is not valid") from error

    async def _next_frame(self) -> tuple[int, bytes]:
        kind, length = HEADER.unpack(await self._receive(HEADER.size))
        if length > MAX_REPLY_BYTES:
            raise SandboxCrashed(f"a reply of {length} bytes, more than {MAX_REPLY_BYTES}")
        return kind, await self._receive(length)

    async def _receive(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            piece = await self._loop.sock_recv(self._connection, length - len(received))
            if not piece:
                raise await cause_of_death(self._leash)
            received += piece
        return bytes(received)


class _Watch:
    """Kills a child whose job takes more processor time than it may. The kernel's own limit counts all jobs of a process.

    It is counted from the first look on: most jobs end before that.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, pid: int, seconds: float, leash: socket.socket) -> None:
        self._loop, self._pid, self._leash = loop, pid, leash
        self._seconds = seconds
        self._most: float | None = None
        self._next = loop.call_later(_WATCHED_SECONDS, self._look)
        self.used_up = False

    def stop(self) -> None:
        self._next.cancel()

    def _look(self) -> None:
        used = _processor_seconds(self._pid)
        if self._most is None:
            self._most = used + self._seconds
        if used > self._most:
            self.used_up = True
            self._leash.shutdown(socket.SHUT_RDWR)
            return
        self._next = self._loop.call_later(_WATCHED_SECONDS, self._look)


def _processor_seconds(pid: int) -> float:
    """The processor time of all threads of a process; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
