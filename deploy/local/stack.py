"""One stack as a whole: bringing its parts up in order, taking them down, and doing the same with single parts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import psutil

from deploy.local.config import StackConfig
from deploy.local.errors import NotReady, PartFailed, StackError
from deploy.local.layout import Layout
from deploy.local.processes import end_processes, wait_gone
from deploy.local.program import Program
from deploy.local.progress import Progress
from deploy.local.supervisor import Supervisor

# A readiness probe is repeated quickly at first, then ever less often: it competes for the processor with the part that is starting.
_FIRST_POLL_SECONDS, _LAST_POLL_SECONDS = 0.05, 0.5
# A part that ran before `up` and does not answer for this long is restarted.
_WEDGED_SECONDS = 15.0
# A part that has ended this often while `up` waited for it will not come up with more waiting.
_FAILED_STARTS = 3


@dataclass(frozen=True)
class PartStatus:
    """The status of a part. state: supervisord's name for the process's state. problem: why the part is not ready; empty when it is."""

    name: str
    state: str
    pid: int
    seconds_up: int
    memory_bytes: int
    problem: str

    @property
    def ready(self) -> bool:
        """Whether the part is ready."""
        return not self.problem


class Stack:
    """The programs of one stack and their supervisor. Commands on a stack are serialised by its lock, held by the caller."""

    def __init__(self, config: StackConfig, programs: Collection[Program], progress: Progress | None = None) -> None:
        self.config = config
        self.programs: Mapping[str, Program] = {program.name: program for program in programs}
        self._named = {**{name: program for program in programs for name in program.services}, **self.programs}
        self.supervisor = Supervisor(config.layout)
        self._progress = progress or Progress()

    async def up(self, only: Collection[str] = ()) -> None:
        """Bring every part, or those named and what they require, to readiness. Parts that are ready are left alone.

        Raises PartFailed for the first part that cannot be brought up; the others keep running.
        """
        await self._ensure_supervisor()
        wanted = self._with_requirements(only or self.programs)
        ready = {name: asyncio.Event() for name in wanted}

        async def bring_up(program: Program) -> None:
            for required in program.requires:
                await ready[self.program(required).name].wait()
            await self._bring_up(program)
            ready[program.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for name in wanted:
                    self._progress.step(name, "waiting")
                    group.create_task(bring_up(self.programs[name]))
        except BaseExceptionGroup as failures:
            # The first failure ended the group; the work on the other parts was cancelled with it.
            raise failures.exceptions[0] from None

    async def down(self, *, at_once: bool = False) -> int:
        """Stop everything: the edge first, then the services, then what they depend on; or all `at_once`, for a stack that will not be
        used again. Returns how many processes were left over and had to be ended without the supervisor; normally 0."""
        if await self.supervisor.answers():
            known = await self.supervisor.processes()
            for tier in [[*known]] if at_once else self._stop_order(known):
                await asyncio.gather(*(self._stop_with_progress(name) for name in tier))
            daemon = psutil.Process(await self.supervisor.pid())
            await self.supervisor.shutdown()
            await wait_gone([daemon], 10)
        left_over = await end_processes(self.config.layout)
        self.config.layout.remove_transient()
        return left_over

    async def start(self, name: str) -> None:
        """Start one part that was stopped, and wait until it is ready."""
        await self._bring_up(self.program(name))

    async def stop(self, name: str) -> None:
        """Stop one part; it stays down until `start` or `up`."""
        await self._stop(self.program(name).name)

    async def restart(self, name: str) -> None:
        """Stop one part, start it, and wait until it is ready."""
        await self.stop(name)
        await self.start(name)

    async def kill(self, name: str) -> int:
        """SIGKILL one part's process and return its pid. The supervisor starts the part again by itself."""
        pid = await self.pid(name)
        psutil.Process(pid).send_signal(signal.SIGKILL)
        return pid

    async def wait_ready(self, name: str) -> None:
        """Wait until a part answers, no matter who started it."""
        await self._wait_ready(self.program(name), self.program(name).ready_seconds)

    async def pid(self, name: str) -> int:
        """Process id of a running part. Raises StackError if it is not running."""
        process = await self.supervisor.process(self.program(name).name)
        if not process.pid:
            raise StackError(f"{name} is {process.state.lower()}")
        return process.pid

    def log_name(self, part: str) -> str:
        """Under which name a part's log is: that of its process, if it shares one. Other names stay as they are."""
        return self._named[part].name if part in self._named else part

    async def status(self) -> list[PartStatus]:
        """The state of every part. Raises NotReady if no supervisor is running."""
        processes = await self.supervisor.processes()

        async def one(program: Program) -> PartStatus:
            process = processes.get(program.name)
            if process is None or not process.is_up:
                state = process.state if process else "UNKNOWN"
                return PartStatus(program.name, state, 0, 0, 0, (process and process.problem) or "not running")
            problem = ""
            try:
                await asyncio.wait_for(program.ready(), 5)
            except (NotReady, OSError, TimeoutError) as error:
                problem = str(error) or "no answer"
            seconds = max(0, int(time.time()) - process.started_at)
            return PartStatus(program.name, process.state, process.pid, seconds, _memory(process.pid), problem)

        return list(await asyncio.gather(*(one(program) for program in self.programs.values())))

    async def _ensure_supervisor(self) -> None:
        self.config.layout.create_transient()
        self.supervisor.write_configuration(self.programs.values())
        if await self.supervisor.answers():
            await self.supervisor.reload()
            return
        # Processes left without a supervisor would hold ports and data, so they are ended before a new supervisor starts.
        await end_processes(self.config.layout)
        await self.supervisor.start()

    async def _bring_up(self, program: Program) -> None:
        try:
            process = await self.supervisor.process(program.name)
            if process.is_up:
                try:
                    age = time.time() - process.started_at
                    await self._wait_ready(program, max(_WEDGED_SECONDS, program.ready_seconds - age))
                except PartFailed:
                    self._progress.step(program.name, "does not answer, restarting")
                    await self._start_and_wait(program)
            else:
                await self._start_and_wait(program)
            await program.provision()
        except asyncio.CancelledError:
            self._progress.finish(program.name, "given up")
            raise
        except BaseException:
            self._progress.fail(program.name)
            raise
        self._progress.finish(program.name, "ready")

    async def _start_and_wait(self, program: Program) -> None:
        # In BACKOFF, supervisord is between two attempts; stopping cancels its timer.
        await self.supervisor.stop(program.name)
        self._progress.step(program.name, "preparing")
        await program.prepare()
        self._progress.step(program.name, "starting")
        await self.supervisor.start_process(program.name)
        await self._wait_ready(program, program.ready_seconds)

    async def _wait_ready(self, program: Program, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = _FIRST_POLL_SECONDS
        starts: set[int] = set()
        while True:
            try:
                await program.ready()
                return
            except (NotReady, OSError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
            process = await self.supervisor.process(program.name)
            if not process.is_up:
                starts.add(process.started_at)
            if len(starts) >= _FAILED_STARTS or process.is_stopped:
                raise self._failure(program, process.problem or "its process ends right after it starts")
            if time.monotonic() > deadline:
                raise self._failure(program, f"not ready after {seconds:.0f} s: {problem}")
            self._progress.step(program.name, f"waiting: {problem}"[:70])
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LAST_POLL_SECONDS)

    def _failure(self, program: Program, problem: str) -> PartFailed:
        return PartFailed(program.name, problem, tail(self.config.layout, program.name, 30))

    def program(self, name: str) -> Program:
        """A part by its name, or by that of a service that its process serves. Raises StackError if there is none."""
        try:
            return self._named[name]
        except KeyError:
            raise StackError(f"there is no part {name!r}; the parts are {', '.join(self.programs)}") from None

    def _with_requirements(self, names: Collection[str]) -> list[str]:
        wanted: set[str] = set()
        waiting = [self.program(name) for name in names]
        while waiting:
            program = waiting.pop()
            if program.name not in wanted:
                wanted.add(program.name)
                waiting += [self.program(name) for name in program.requires]
        return [name for name in self.programs if name in wanted]

    def _stop_order(self, known: Collection[str]) -> list[list[str]]:
        """Groups of parts to stop one after the other: each part before those that it requires."""
        depth: dict[str, int] = {}

        def depth_of(name: str) -> int:
            if name not in depth:
                program = self.programs.get(name)
                required = {self.program(one).name for one in program.requires} if program else set()
                depth[name] = 1 + max(map(depth_of, required), default=0) if program else 0
            return depth[name]

        tiers: dict[int, list[str]] = {}
        for name in known:
            tiers.setdefault(depth_of(name), []).append(name)
        return [tiers[level] for level in sorted(tiers, reverse=True)]

    async def _stop_with_progress(self, name: str) -> None:
        self._progress.step(name, "stopping")
        await self._stop(name)
        self._progress.finish(name, "stopped")

    async def _stop(self, name: str) -> None:
        # A part left by an earlier version of the stack has no program here that knows how to drain it.
        if name in self.programs and (await self.supervisor.process(name)).is_up:
            await self.programs[name].drain()
        await self.supervisor.stop(name)


def tail(layout: Layout, part: str, lines: int) -> list[str]:
    """The last lines of a part's log; none if it has not written one."""
    path = layout.log_file(part)
    if not path.is_file():
        return []
    with path.open(errors="replace") as handle:
        return [line.rstrip("\n") for line in deque(handle, maxlen=lines)]


def _memory(pid: int) -> int:
    """Memory of a process and its children in bytes, shared pages divided by the number of their users (PSS); 0 if it has just ended."""
    try:
        process = psutil.Process(pid)
        return sum(_share(one) for one in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _share(process: psutil.Process) -> int:
    """A process's share of memory in bytes. Sandboxed children let only root see theirs; without root they count with what they map."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
