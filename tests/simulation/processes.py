"""An event loop in which simulated processes live side by side, in virtual time, and are killed between any two steps.

A process is what runs in its context: its tasks, and whatever they start. The callbacks of one that has been killed never run again: no
`finally`, no `except`, no goodbye to anybody. The order of everything else follows from the seed alone.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_MOST_ERRORS = 20


class Process:
    """A process, until it is killed."""

    def __init__(self, name: str) -> None:
        self.name, self.is_alive = name, True
        self.context = Context()
        self.context.run(_current.set, self)
        self.part: Any = None
        """The part of the system that it is."""
        self.ends: list[Callable[[float], object]] = []
        """Whom to tell that it is gone, each with the seconds after which its machine's system does."""

    def __str__(self) -> str:
        return self.name


_current: ContextVar[Process | None] = ContextVar("process", default=None)


def current_process() -> Process | None:
    """The process that is running; None: the world around them."""
    return _current.get()


class ProcessLoop(asyncio.BaseEventLoop):
    """Its `time()` starts at 0 seconds, and passes only where everybody waits."""

    def __init__(self) -> None:
        super().__init__()
        self._now, self._timers = 0.0, 0
        self._is_over = False
        self._ready: Any
        self._scheduled: Any
        self.failures: list[BaseException] = []
        """Those with which tasks have ended."""
        self._tasks: list[asyncio.Task[Any]] = []
        self.world = Context()
        """The context of what belongs to no process."""
        self.set_exception_handler(self._note_failure)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def later(self, seconds: float, call: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Call something in the world, whatever becomes of the process that asks for it."""
        return self.call_at(self._now + seconds, call, *args, context=self.world)

    def ended_with(self) -> str:
        """The errors with which tasks have ended so far, the first ones."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        errors = [repr(error) for task in ended if (error := task.exception()) is not None]
        return "; ".join(dict.fromkeys(errors[:_MOST_ERRORS]))

    def start(self, process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` in a process."""
        return process.context.copy().run(self.create_task, work)

    def create_task(
        self,
        coro: Generator[Any, None, _Result] | Coroutine[Any, Any, _Result],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[_Result]:
        """A task of the current process, whatever its context."""
        if context is not None and _current not in context:
            context.run(_current.set, _current.get())
        made: asyncio.Task[_Result] = asyncio.Task(coro, loop=self, context=context)
        self._tasks.append(made)
        return made

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """Call it next, in order."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self._is_over:
            self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]  # it takes any arguments
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call it then; those of one moment in order."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers += 1
        heapq.heappush(self._scheduled, (when, self._timers, handle))
        return handle

    def run(self, main: Coroutine[Any, Any, _Result]) -> _Result:
        """Run `main` to its end. What is unfinished then, or was killed before, is done away with."""
        try:
            return self.run_until_complete(main)
        finally:
            self._bury()
            self.close()

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        if not ready:
            while scheduled[0][2]._cancelled:
                heapq.heappop(scheduled)
            self._now = max(self._now, scheduled[0][0])
        while scheduled and scheduled[0][0] <= self._now:
            ready.append(heapq.heappop(scheduled)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            process = handle._context.get(_current)
            if not handle._cancelled and (process is None or process.is_alive):
                handle._run()

    def _bury(self) -> None:
        self._is_over = True
        disabled = logging.root.manager.disable
        logging.disable()
        asyncio.events._set_running_loop(self)
        try:
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    with suppress(BaseException):
                        task.get_coro().close()
                elif not task.cancelled() and (error := task.exception()) is not None:
                    self.failures.append(error)
        finally:
            asyncio.events._set_running_loop(None)
            logging.disable(disabled)
            self._tasks.clear()
            self._ready.clear()
            self._scheduled.clear()

    def _note_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Nobody in a process that is dead hears of its errors.
        if "handle" in context:
            self.failures.append(context["exception"])

    def _process_events(self, event_list: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """No thread has to be woken."""
