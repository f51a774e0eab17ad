"""The side of the sandbox that lives in a service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, cast

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.sandbox.idle import Idle
from services.platform.sandbox.wire import HEADER, MAX_REPLY_BYTES, Job, Kind, frame

_Result = TypeVar("_Result")

#: `await answers(*question)` returns what the child needs to know, such as a range of what it examines. It must check the question, which
#: has any values that JSON holds: the child may ask anything.
Answers = Callable[..., Awaitable[bytes]]

_STATUS_BYTES = 4
_LACKING_BYTES = 4096
# Variables that libraries need; a child gets nothing else of the service's environment, which holds secrets.
_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
# Its processor time is limited, so threads would gain nothing. Their number would otherwise grow with the machine.
_SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_IDLE_SECONDS = 300.0
"""After so long without a job the parsers take memory for nothing; the next one waits half a second for them."""
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one child."""

    memory_bytes: int = 1 << 30
    """Address space, including the interpreter and its libraries (about 200 MB)."""
    cpu_seconds: int = 60
    """Processor time, over all threads of the child."""
    wall_seconds: float = 120.0
    """Time from the child's start to its answer."""
    open_files: int = 64
    file_bytes: int = 4 << 30
    """Size of the largest file it may write."""
    threads: int = 256
    """Threads of all children that share a folder."""


class SandboxError(Exception):
    """The function gave no answer."""


class SandboxTimedOut(SandboxError):
    """The child used up its processor or wall time."""


class SandboxOutOfMemory(SandboxError):
    """The child asked for more memory than it may have."""


class SandboxCrashed(SandboxError):
    """The child ended without an answer: it crashed in native code, sent an invalid reply, or was killed."""


class SandboxLost(SandboxCrashed):
    """The process that forks children has died, with all of them, which says nothing about what any of them worked on."""


class SandboxFailed(SandboxError):
    """The function raised an exception that is not a DarkroomError. The text holds its traceback, for logs only."""

    def __init__(self, exception_type: str, traceback_text: str) -> None:
        super().__init__(traceback_text)
        self.exception_type = exception_type


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, **_SINGLE_THREADED, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


class Sandbox:
    """Runs functions in child processes.

    `preload` names modules (those that hold the functions) which are imported once, before the first child is forked; they
    must not start threads on import. A child cannot import anything else: `CHILD_IMPORTS` of a module names the modules
    that only its functions import, and they are imported with it. `on_demand` names further ones by the module of the functions that need
    them; they are imported when the first of those functions is run. At most `concurrency` children run at once; further calls wait.
    The process that forks the children starts with the first call, or with `start`, and is restarted if it dies. It ends, and the memory of
    what it has imported goes with it, once nothing has been called for `idle_seconds`.

    Children end with the service, even when it is killed. They are confined to their job by what the kernel has
    (`confinement`); what it lacks is logged when the forking process starts.
    """

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        on_demand: Mapping[str, Sequence[str]] = MappingProxyType({}),
        limits: Limits | None = None,
        concurrency: int | None = None,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self._preload = tuple(preload)
        self._on_demand = on_demand
        self._limits = limits or Limits()
        self._slots = asyncio.Semaphore(concurrency or os.cpu_count() or 1)
        self._starting = asyncio.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._idle = Idle(idle_seconds, self._end_if_idle)
        self.before_idle_end: Callable[[], None] = lambda: None
        """Called when the forking process, and all children with it, is about to end for having nothing to do."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Start the forking process if it is not running. It imports with the first job."""
        async with self._starting:
            if self._process is not None and self._process.poll() is None:
                return
            self._hang_up()
            control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                # Popen, not a fork of this process: it may hold gRPC's threads and locks.
                self._process = await asyncio.to_thread(
                    subprocess.Popen,
                    [sys.executable, "-m", "services.platform.sandbox.nursery", str(theirs.fileno()), *self._preload],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    start_new_session=True,
                )
            self._control = control
            await self._tell_what_is_lacking(control)

    async def aclose(self) -> None:
        """End the forking process and every child of it."""
        self._idle.stop()
        # Nobody may find the process alive and its socket gone.
        async with self._starting:
            await self._end()

    async def _end(self) -> None:
        self._hang_up()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
            self._process = None

    def in_use(self) -> AbstractAsyncContextManager[None]:
        """A block in which the forking process does not end for having nothing to do."""
        return self._idle.in_use()

    async def _end_if_idle(self) -> None:
        async with self._starting:
            if not self._idle.users:
                self.before_idle_end()
                await self._end()

    async def run(
        self,
        function: Callable[..., _Result],
        *args: Any,
        reads: Sequence[Path] = (),
        folder: Path | None = None,
        limits: Limits | None = None,
        answers: Answers | None = None,
        on_progress: Callable[..., None] | None = None,
    ) -> _Result:
        """The result of `function(*args)` in a fresh child: bytes unchanged, anything else after a round trip through JSON.

        `function` must be importable (module level) and `args` picklable. The child can read the files and folders `reads`, and read,
        make, change and remove files in `folder`, which must be for this task alone; it can open no others. Paths among `args`
        that lead there are replaced by those under which it sees them.

        With `answers` and `on_progress`, the function gets one more positional argument each: a callable that takes numbers and texts and
        returns what `answers` returns for them, and one that takes numbers and passes them to `on_progress` here.

        Cancelling kills the child. Raises the DarkroomError that the function or `answers` raised, or a SandboxError.
        """
        limits = limits or self._limits
        job = job_of(
            function,
            args,
            limits,
            reads=tuple(reads),
            folder=folder,
            with_progress=on_progress is not None,
            with_answers=answers is not None,
        )
        async with self.in_use(), self._slots:
            connection, leash = await self.launch(self._on_demand.get(function.__module__, ()))
            # Closing the leash kills the child if it is still running, so no exit path leaves one behind.
            with leash:
                reader, writer = await asyncio.open_unix_connection(sock=connection)
                try:
                    if (await self._next_frame(reader, leash))[0] != Kind.STARTED:
                        raise SandboxCrashed("the child did not start")
                    async with asyncio.timeout(limits.wall_seconds):
                        writer.write(frame(Kind.JOB, pickle.dumps(job)))
                        result = await self._converse(reader, writer, leash, answers, on_progress)
                except TimeoutError as error:
                    raise SandboxTimedOut(f"no answer within {limits.wall_seconds:g} s") from error
                finally:
                    writer.close()
        return cast(_Result, result)

    async def launch(self, modules: Sequence[str] = ()) -> tuple[socket.socket, socket.socket]:
        """The host's ends of a new child's job socket and leash, non-blocking. Closing the leash kills the child.

        The child has these modules, and those that are preloaded.
        """
        for last_try in (False, True):
            await self.start()
            assert self._control is not None
            connection, theirs = socket.socketpair()
            leash, their_leash = socket.socketpair()
            with theirs, their_leash:
                try:
                    socket.send_fds(self._control, [json.dumps(modules).encode()], [theirs.fileno(), their_leash.fileno()])
                except (BrokenPipeError, ConnectionResetError) as error:
                    connection.close()
                    leash.close()
                    if last_try:
                        raise SandboxLost("the process that forks children does not run") from error
                    await self.aclose()
                    continue
            connection.setblocking(False)
            leash.setblocking(False)
            break
        return connection, leash

    async def _converse(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        leash: socket.socket,
        answers: Answers | None,
        on_progress: Callable[..., None] | None,
    ) -> Any:
        while True:
            kind, payload = await self._next_frame(reader, leash)
            try:
                match kind:
                    case Kind.PROGRESS if on_progress is not None:
                        on_progress(*json.loads(payload))
                    case Kind.ASK if answers is not None:
                        writer.write(frame(Kind.GIVE, await answers(*json.loads(payload))))
                    case _:
                        return answer_of(kind, payload)
            except (ValueError, KeyError, TypeError) as error:
                raise SandboxCrashed("the child's reply is not valid") from error

    async def _next_frame(self, reader: asyncio.StreamReader, leash: socket.socket) -> tuple[int, bytes]:
        try:
            kind, length = HEADER.unpack(await reader.readexactly(HEADER.size))
            if length > MAX_REPLY_BYTES:
                raise SandboxCrashed(f"a reply of {length} bytes, more than {MAX_REPLY_BYTES}")
            return kind, await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            raise await cause_of_death(leash) from error

    async def _tell_what_is_lacking(self, control: socket.socket) -> None:
        control.setblocking(False)
        # A process that could not start says nothing; the first job shows it.
        said = await asyncio.get_running_loop().sock_recv(control, _LACKING_BYTES)
        control.setblocking(True)
        _logger.info("sandbox_started", preload=self._preload, lacking=json.loads(said or "[]"))

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            if self._control is not None:
                self._control.close()
        self._control = None


def job_of(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    limits: Limits,
    *,
    reads: tuple[Path, ...] = (),
    folder: Path | None = None,
    with_progress: bool = False,
    with_answers: bool = False,
    with_connection: bool = False,
) -> Job:
    """A job within these limits."""
    return Job(
        function=f"{function.__module__}:{function.__qualname__}",
        args=args,
        reads=reads,
        folder=folder,
        with_progress=with_progress,
        with_answers=with_answers,
        with_connection=with_connection,
        memory_bytes=limits.memory_bytes,
        cpu_seconds=limits.cpu_seconds,
        open_files=limits.open_files,
        file_bytes=limits.file_bytes,
        threads=limits.threads,
    )


def answer_of(kind: int, payload: bytes) -> Any:
    """The result in a child's last frame. Raises the DarkroomError or SandboxError in it, or ValueError, KeyError or TypeError."""
    match kind:
        case Kind.RESULT:
            return json.loads(payload)
        case Kind.RESULT_BYTES:
            return payload
        case Kind.OUT_OF_MEMORY:
            raise SandboxOutOfMemory("an allocation failed")
        case Kind.ERROR:
            described = json.loads(payload)
            reason = ErrorReason(described.pop("reason"))
            raise DarkroomError(reason, described.pop("message"), **described)
        case Kind.EXCEPTION:
            described = json.loads(payload)
            raise SandboxFailed(described["type"], described["traceback"])
        case _:
            raise SandboxCrashed(f"unexpected frame {kind}")


async def cause_of_death(leash: socket.socket) -> SandboxError:
    """Why a child ended without an answer."""
    status_bytes = await asyncio.get_running_loop().sock_recv(leash, _STATUS_BYTES)
    if len(status_bytes) < _STATUS_BYTES:
        return SandboxLost("the process that forks children died")
    code = os.waitstatus_to_exitcode(int.from_bytes(status_bytes, "big", signed=True))
    if code == -signal.SIGXCPU:
        return SandboxTimedOut("processor time used up")
    if code == -signal.SIGKILL:
        # Only the kernel sends it, when memory runs out.
        return SandboxOutOfMemory("killed")
    if code < 0:
        return SandboxCrashed(f"ended by signal {-code}")
    return SandboxCrashed(f"ended with status {code}")
