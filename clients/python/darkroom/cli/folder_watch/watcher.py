"""Finds the files that are to be taken, and hands them on to a bounded number of workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import aclosing, suppress

from darkroom.cli.exits import FAILED, INTERRUPTED, message_of
from darkroom.cli.folder_watch.debounce import Debounce
from darkroom.cli.folder_watch.file_work import FileWork
from darkroom.cli.folder_watch.places import Source
from darkroom.cli.folder_watch.state import State
from darkroom.cli.outcome import Status

_LONGEST_TICK_SECONDS = 1.0


class Watcher:
    """Has each file of a source taken once it is complete: with `once`, those that are there; otherwise until it is interrupted.

    settle_seconds: how long a file has to stay the same. new_only: leave the files that `begin` has found there.
    """

    def __init__(
        self,
        source: Source,
        state: State,
        work: FileWork,
        say: Callable[[str], None],
        *,
        parallel: int,
        settle_seconds: float,
        new_only: bool,
        once: bool,
    ) -> None:
        self._source, self._state, self._work, self._say = source, state, work, say
        self._parallel, self._new_only, self._once = parallel, new_only, once
        self._debounce, self._tick = Debounce(settle_seconds), min(_LONGEST_TICK_SECONDS, settle_seconds / 2)
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._in_progress: set[str] = set()
        self._seen_again: set[str] = set()
        self._is_away = False
        self._reported = 0

    async def run(self) -> int:
        """Work until nothing is left or the task is cancelled. Returns the exit status. Raises DarkroomFailure and OSError that end it."""
        self._work.on_change = self._changed
        running = [asyncio.ensure_future(self._worker()) for _ in range(self._parallel)]
        running.append(asyncio.ensure_future(self._through() if self._once else self._follow()))
        interrupted = False
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            interrupted = True
        failure = next((each.exception() for each in running if each.done() and not each.cancelled() and each.exception()), None)
        if failure is not None:
            # The end of the watch is no reason to give up tasks that run.
            self._work.runs.keep = True
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._say(f"{self._sum()}. " + ("Start it again to go on." if interrupted or failure else "Nothing is left to do."))
        if failure is not None:
            raise failure
        if interrupted:
            return INTERRUPTED
        return FAILED if self._work.counts[Status.FAILED] else 0

    async def begin(self) -> None:
        """Record that the folder is watched, and with `new_only` leave what is there when it never was before. Raises OSError."""
        found = await self._source.listing()
        if self._state.begin(self._source.path("")) and self._new_only:
            self._state.remember_all((self._source.path(name), stamp, None) for name, stamp in found.items())

    async def open_files(self) -> list[str]:
        """The files that are there and are to be taken. Raises OSError."""
        found = await self._source.listing()
        return [name for name, stamp in found.items() if not self._state.is_settled(self._source.path(name), stamp, left=self._new_only)]

    async def _worker(self) -> None:
        while True:
            name = await self._queue.get()
            await self._work.take(name)
            self._in_progress.discard(name)
            if name in self._seen_again:
                self._seen_again.discard(name)
                self._look_at(name)
            self._queue.task_done()

    async def _through(self) -> None:
        """Take what is there, once."""
        await self._look(None)
        patience = 2
        while len(self._debounce) and patience:
            await asyncio.sleep(self._tick)
            due = self._debounce.due(time.monotonic())
            patience -= bool(due)
            self._settle(due)
        await self._queue.join()
        await self._resume_others()
        for name in self._debounce.give_up():
            self._say(f"left    {name}: it is still being written")

    async def _follow(self) -> None:
        """Take what is there and what comes."""
        await self._look(None)
        settling = asyncio.ensure_future(self._settle_again_and_again())
        looking = asyncio.ensure_future(self._look_again_and_again())
        try:
            await asyncio.wait([settling, looking], return_when=asyncio.FIRST_COMPLETED)
            for each in (settling, looking):
                if each.done():
                    each.result()
        finally:
            for each in (settling, looking):
                each.cancel()
            await asyncio.gather(settling, looking, return_exceptions=True)

    async def _look_again_and_again(self) -> None:
        async with aclosing(self._source.changes()) as changes:
            async for changed in changes:
                await self._look(changed)

    async def _settle_again_and_again(self) -> None:
        resumed = False
        while True:
            await asyncio.sleep(self._tick)
            self._settle(self._debounce.due(time.monotonic()))
            if self._in_progress or len(self._debounce):
                continue
            if not resumed:
                resumed = True
                await self._resume_others()
            if self._work.counts.total() != self._reported:
                self._reported = self._work.counts.total()
                self._say(f"{self._sum()}. Waiting for more in {self._source}; Ctrl-C ends it.")

    async def _look(self, changed: Collection[str] | None) -> None:
        """Look at files and folders that may have changed, or at everything."""
        try:
            names: Iterable[str] = await self.open_files() if changed is None else await self._below(changed)
        except OSError as failure:
            if self._once:
                raise
            if not self._is_away:
                self._say(f"waiting: {message_of(failure)}. It is looked for again and again.")
            self._is_away = True
            return
        if self._is_away:
            self._is_away = False
            self._say(f"{self._source} is back")
        for name in names:
            self._look_at(name)

    async def _below(self, changed: Collection[str]) -> list[str]:
        names = []
        for name in changed:
            names.append(name)
            if self._source.path(name).is_dir():
                with suppress(OSError):
                    names += await self._source.listing(name)
        return names

    def _look_at(self, name: str) -> None:
        stamp = self._source.stamp(name)
        if name in self._in_progress:
            # It is looked at when that has ended.
            self._seen_again.add(name)
        elif stamp is None or not self._state.is_settled(self._source.path(name), stamp, left=self._new_only):
            self._debounce.see(name, stamp, time.monotonic())

    def _settle(self, due: Iterable[str]) -> None:
        for name in due:
            if self._debounce.see(name, self._source.stamp(name), time.monotonic()):
                self._in_progress.add(name)
                self._queue.put_nowait(name)

    def _changed(self, name: str) -> None:
        self._seen_again.add(name)

    async def _resume_others(self) -> None:
        """Get the results of tasks whose files are no longer there."""
        for entry in self._state.unfinished_entries():
            await self._work.resume(entry)

    def _sum(self) -> str:
        counts = self._work.counts
        names = {
            Status.SKIPPED: "known already",
            Status.FAILED: "failed",
            Status.CANCELLED: "cancelled and not charged",
            Status.LEFT: "left running",
        }
        return ", ".join([f"{counts[Status.DONE]} done", *(f"{counts[status]} {name}" for status, name in names.items() if counts[status])])
