"""The server of the tasks database, and the connections of simulated processes to it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import TextClause

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.store import attempts, creation, events, order, tasks
from tests.simulation import attempt_statements, statements
from tests.simulation.processes import Process
from tests.simulation.tables import Tables
from tests.simulation.world import World

_STATEMENTS = {**statements.STATEMENTS, **attempt_statements.STATEMENTS}
_NAMES = {
    statement: name
    for module in (attempts, creation, events, order, tasks)
    for name, statement in vars(module).items()
    if isinstance(statement, TextClause)
}
_LOCKED = frozenset({tasks.CANCEL, tasks.EXPIRE})
"""Statements of one queued task, which TAKE skips while they are under way."""
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(eq=False)
class _Statement:
    """A statement under way."""

    process: Process
    reply: asyncio.Future[Any]
    is_dropped: bool = False
    """It does not take effect, unless it has."""


class Server:
    """Carries out statements, each at one instant, some time after it was sent; its reply takes time, too, and may be lost."""

    def __init__(self, world: World, check: Callable[[Tables], None]) -> None:
        self._world, self._check = world, check
        self.tables, self.is_up = Tables(), True
        self._under_way: dict[_Statement, None] = {}
        self._locks: dict[str, deque[tuple[Process, Callable[[], None]]]] = {}
        self._locked = Counter[int]()

    async def call(
        self,
        process: Process,
        statement: TextClause | None,
        values: Mapping[str, Any],
        *,
        lock: str | None = None,
        keeps_lock: bool = False,
        unlock: str | None = None,
    ) -> Sequence[Any]:
        """The rows of a statement, or of none. It takes its turn with a lock, and releases one that the process has."""
        world, name = self._world, _NAMES.get(statement, "DUE") if statement is not None else "COMMIT"
        one = _Statement(process, asyncio.get_running_loop().create_future())
        world.step(process, f"before {name}")
        locked = values["id"] if statement in _LOCKED else None

        def arrive() -> None:
            # A connection that is gone takes no lock.
            if one.is_dropped or (lock is not None and (one.reply.done() or not process.is_alive)):
                return
            if not self.is_up:
                world.loop.later(world.trip(), self._lose, one)
            elif lock is not None:
                waiting = self._locks.setdefault(lock, deque())
                waiting.append((process, lambda: world.loop.later(world.trip() * 2, begin)))
                if len(waiting) == 1:
                    waiting[0][1]()
            else:
                begin()

        def begin() -> None:
            # The process says what is to be done once it has the lock.
            if lock is not None and not process.is_alive:
                return
            if locked is not None:
                self._locked[locked] += 1
            world.loop.later(world.work(), commit)

        def commit() -> None:
            if locked is not None:
                self._locked[locked] -= 1
            if not one.is_dropped:
                try:
                    rows: Any = self._run(process, statement, values) if statement is not None else ()
                except Exception as error:  # noqa: BLE001 - for the process
                    rows = error
                world.loop.later(world.trip(), self._answer, one, rows)
                world.step(process, f"after {name}")
            if unlock is not None:
                self._release(unlock, process)
            if lock is not None and (one.reply.done() or not keeps_lock) and process.is_alive:
                # Released by the process, once it has the reply.
                world.loop.later(world.trip() * 2, self._release, lock, process)

        if process.is_alive:
            self._under_way[one] = None
            world.loop.later(world.trip(), arrive)
        try:
            return await one.reply
        except asyncio.CancelledError:
            one.is_dropped |= world.chance(0.5)
            raise
        finally:
            self._under_way.pop(one, None)

    def disconnect(self, process: Process, after: float) -> None:
        """The connections of a process are gone: the server notices after some time."""
        for one in self._of(process):
            one.is_dropped = self._world.chance(0.5)
        self._world.loop.later(after, self._forget, process)

    def break_connections(self, process: Process) -> None:
        """The replies to a living process's statements are lost, whether or not these take effect."""
        for one in self._of(process):
            one.is_dropped = self._world.chance(0.5)
            self._lose(one)
        self._forget(process)

    def set_up(self, is_up: bool) -> None:
        """Whether the server can be reached."""
        self.is_up = is_up
        if not is_up:
            self._locks.clear()
            for one in list(self._under_way):
                one.is_dropped = True
                self._lose(one)

    def _run(self, process: Process, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Any]:
        if statement is order.TAKE:
            values = {**values, "locked": {task for task, count in self._locked.items() if count > 0}}
        rows = _STATEMENTS[statement](self.tables, values)
        if self._world.traces:
            self._world.note(f"{process}: {_NAMES.get(statement, 'DUE')} {_told(values)} -> {[_told(row) for row in rows]}")
        self._check(self.tables)
        return rows

    def _of(self, process: Process) -> list[_Statement]:
        return [one for one in self._under_way if one.process is process]

    def _answer(self, one: _Statement, reply: Any) -> None:
        if one.reply.done():
            return
        if isinstance(reply, Exception):
            one.reply.set_exception(reply)
        else:
            one.reply.set_result(reply)

    def _lose(self, one: _Statement) -> None:
        self._answer(one, DarkroomError(ErrorReason.UNAVAILABLE, "The database cannot be reached."))

    def _release(self, lock: str, process: Process) -> None:
        waiting = self._locks.get(lock)
        if waiting and waiting[0][0] is process:
            waiting.popleft()
            if waiting:
                waiting[0][1]()

    def _forget(self, process: Process) -> None:
        for name, waiting in self._locks.items():
            had = bool(waiting) and waiting[0][0] is process
            self._locks[name] = left = deque(entry for entry in waiting if entry[0] is not process)
            if had and left:
                left[0][1]()


class Connections:
    """As `services.platform.database.Database`, for one process."""

    def __init__(self, server: Server, process: Process) -> None:
        self._server, self._process = server, process

    async def fetch(self, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Sequence[Any]:
        """The rows of a statement."""
        return await self._server.call(self._process, statement, values)

    async def fetch_in_turn(self, space: int, name: str, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Sequence[Any]:
        """One at a time for a name."""
        return await self._server.call(self._process, statement, values, lock=f"{space} {name}")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Transaction]:
        """Takes effect with its statement that creates. Until its end no other transaction of a creation begins."""
        transaction = _Transaction(self._server, self._process)
        try:
            yield transaction
        except BaseException:
            self._server._release(_CREATING, self._process)
            raise
        await self._server.call(self._process, None, {}, unlock=_CREATING)


_CREATING = "creating"


class _Transaction:
    def __init__(self, server: Server, process: Process) -> None:
        self._server, self._process = server, process
        self._has_begun = False

    async def fetch(self, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Sequence[Any]:
        lock = None if self._has_begun else _CREATING
        self._has_begun = True
        return await self._server.call(self._process, statement, values, lock=lock, keeps_lock=True)


_TOLD = ("lane", "id", "state", "attempt", "run_id", "run_ids", "error_reason", "run_at", "lease_until", "waiting", "more_wait", "lanes")


def _told(row: Any) -> str:
    if not isinstance(row, Mapping):
        return str(row)
    return " ".join(f"{name}={_short(row[name])}" for name in _TOLD if row.get(name) is not None)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(_short, value)) + "]"
    text = str(value)
    return text.rpartition(":")[2].removesuffix("+00:00") if "+00:00" in text else text[-4:] if text.count("-") == 4 else text


class InstantDatabase:
    """As `Database`: the model by itself, which carries out everything at once."""

    def __init__(self) -> None:
        self.tables = Tables()

    async def fetch(self, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Sequence[Any]:
        """The rows of a statement."""
        return _STATEMENTS[statement](self.tables, values)

    async def fetch_in_turn(self, space: int, name: str, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Sequence[Any]:
        """The same."""
        return await self.fetch(statement, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[InstantDatabase]:
        """The same."""
        yield self
