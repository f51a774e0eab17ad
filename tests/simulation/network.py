"""Calls and streams between simulated processes, and the bus: what gRPC and NATS are to the parts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
import nats.errors

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.platform.errors import DarkroomError, ErrorReason
from tests.simulation.processes import Process
from tests.simulation.world import World

_Reply = TypeVar("_Reply")
_END = object()


def answer(future: asyncio.Future[_Reply], result: _Reply) -> None:
    """Give a future its result, unless nobody waits for it any more."""
    if not future.done():
        future.set_result(result)


def _broken(details: str = "the connection is gone") -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details)


async def call(world: World, caller: Process, callee: Process | None, work: Callable[[], Awaitable[_Reply]], seconds: float) -> _Reply:
    """The result of a call. Raises UNAVAILABLE if the callee is gone, or dies, or takes longer than so many seconds."""
    reply: asyncio.Future[_Reply] = world.loop.create_future()
    gone = DarkroomError(ErrorReason.UNAVAILABLE, "The service cannot be reached.")

    def fail(error: BaseException) -> None:
        if not reply.done():
            reply.set_exception(error)

    async def serve() -> None:
        try:
            result = await work()
        except DarkroomError as error:
            world.loop.later(world.trip(), fail, error)
        else:
            world.loop.later(world.trip(), answer, reply, result)

    def arrive() -> None:
        if callee is None or not callee.is_alive:
            fail(gone)
            return
        served = world.loop.start(callee, serve())
        callee.ends.append(lambda after: world.loop.later(after, fail, gone))
        reply.add_done_callback(lambda _: served.cancel() if reply.cancelled() else None, context=callee.context)

    world.loop.later(world.trip(), arrive)
    try:
        async with asyncio.timeout(seconds):
            return await reply
    except TimeoutError:
        raise gone from None


class _Pipe:
    """Messages in order, each some time on its way, until it is cut."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: deque[Any] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._free_at = 0.0
        self.is_cut = False

    def send(self, message: Any) -> None:
        """One more message; behind a cut it is lost."""
        if not self.is_cut:
            self._free_at = max(self._free_at, self._world.now + self._world.trip())
            self._world.loop.later(self._free_at - self._world.now, self._arrive, message)

    def cut(self, last: Any) -> None:
        """Nothing arrives any more but this, at once."""
        if not self.is_cut:
            self._arrive(last)
            self.is_cut = True

    async def receive(self) -> Any:
        """The next message."""
        while not self._messages:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._messages.popleft()

    def _arrive(self, message: Any) -> None:
        if not self.is_cut:
            self._messages.append(message)
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(None)


class Stream:
    """A worker's stream to a replica, as both see it."""

    def __init__(self, world: World, worker: Process, replica: Process | None, serve: Callable[[Stream], Awaitable[None]] | None) -> None:
        self._world, self._worker, self._replica = world, worker, replica
        self._up, self._down = _Pipe(world), _Pipe(world)
        self._serving: asyncio.Task[None] | None = None
        self._serve = serve
        self.is_over = False
        worker.ends.append(lambda after: world.loop.later(after, self._lose_worker))
        world.loop.later(world.trip() * 2, self._connect)

    def _connect(self) -> None:
        if self._replica is None or not self._replica.is_alive or self._serve is None:
            self._lose_replica()
            return
        self._replica.ends.append(lambda after: self._world.loop.later(after, self._lose_replica))
        self._serving = self._world.loop.start(self._replica, self._run())

    async def _run(self) -> None:
        assert self._serve is not None
        try:
            await self._serve(self)
        except DarkroomError as error:
            self._down.send(_broken(error.message))
        else:
            self._down.send(_END)

    def break_(self, after: float) -> None:
        """The connection breaks; each side notices by itself, often one long before the other."""
        self._up.is_cut = self._down.is_cut = True
        chance = self._world.random
        self._world.loop.later(chance.uniform(0, chance.choice((0.01, after))), self._lose_replica)
        self._world.loop.later(chance.uniform(0, chance.choice((0.01, after))), self._lose_worker)

    def _lose_replica(self) -> None:
        """The worker notices that the other side is gone."""
        self._down.is_cut = False
        self._down.cut(_broken())

    def _lose_worker(self) -> None:
        """The replica notices: gRPC cancels the handler."""
        if self._serving is not None and not self._serving.done() and self._replica is not None:
            self._replica.context.copy().run(self._world.loop.call_soon, self._serving.cancel)

    # The worker's side.
    async def write(self, message: pb.ExchangeRequest) -> None:
        """Say something."""
        if self.is_over:
            raise _broken()
        self._world.step(self._worker, "before it says something")
        self._up.send(message)

    def cancel(self) -> None:
        """End it."""
        if not self.is_over:
            self.is_over = True
            self._down.cut(asyncio.CancelledError())
            self._world.loop.later(self._world.trip(), self._lose_worker)

    async def __aiter__(self) -> AsyncIterator[pb.ExchangeResponse]:
        while (message := await self._down.receive()) is not _END:
            if isinstance(message, BaseException):
                self.is_over = True
                raise message
            self._world.step(self._worker, "when it has heard something")
            yield message
        self.is_over = True

    # The replica's side.
    async def requests(self) -> AsyncIterator[pb.ExchangeRequest]:
        """The messages of the worker."""
        while True:
            yield await self._up.receive()

    async def respond(self, message: pb.ExchangeResponse) -> None:
        """Send the worker a message."""
        assert self._replica is not None
        self._world.step(self._replica, "before it tells a worker")
        await asyncio.sleep(0)
        if self._replica.is_alive:
            self._down.send(message)


class Bus:
    """NATS: messages are late, and come twice or get lost unless it `is_reliable`."""

    def __init__(self, world: World) -> None:
        self._world, self.is_up, self.is_reliable = world, True, False
        self._subscribers: list[tuple[Process, str, Callable[[Any], Awaitable[None]]]] = []
        self.published: set[tuple[int, int]] = set()

    def of(self, process: Process) -> BusClient:
        """The bus as a process sees it."""
        return BusClient(self._world, self, process)

    def subscribe(self, process: Process, pattern: str, call: Callable[[Any], Awaitable[None]]) -> None:
        """Call back with each message."""
        self._subscribers = [one for one in self._subscribers if one[0].is_alive] + [(process, pattern.removesuffix("*"), call)]

    def publish(self, subject: str) -> None:
        """Send a message to all who have subscribed."""
        for process, prefix, receive in self._subscribers:
            if subject.startswith(prefix):
                copies = 1 if self.is_reliable else self._world.random.choice((0, 1, 1, 1, 1, 1, 1, 2)) if self.is_up else 0
                for _ in range(copies):
                    self._world.loop.later(self._world.trip(), self._deliver, process, receive, subject)

    def _deliver(self, process: Process, receive: Callable[[Any], Awaitable[None]], subject: str) -> None:
        if process.is_alive:
            self._world.loop.start(process, receive(_Message(subject)))


class _Message:
    def __init__(self, subject: str) -> None:
        self.subject = subject


class BusClient:
    """As `services.platform.bus.Bus` and its client, for one process."""

    def __init__(self, world: World, bus: Bus, process: Process) -> None:
        self._world, self._bus, self._process = world, bus, process
        self.client = self

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached."""
        return self._bus.is_up

    async def publish(self, subject: str) -> None:
        """Send a message."""
        self._world.step(self._process, f"before it publishes {subject}")
        if not self._bus.is_up and self._world.chance(0.5):
            raise nats.errors.ConnectionClosedError
        if self._process.is_alive:
            self._bus.publish(subject)

    async def subscribe(self, subject: str, cb: Callable[[Any], Awaitable[None]]) -> BusClient:
        """Receive messages."""
        self._bus.subscribe(self._process, subject, cb)
        return self

    async def unsubscribe(self) -> None:
        """Nothing more is received once the process has ended."""

    async def publish_events(self, events: Sequence[Any]) -> list[Any]:
        """As `EventPublisher.publish`: those that are confirmed."""
        await asyncio.sleep(self._world.trip() * 2)
        lost = 0.0 if self._bus.is_reliable else 0.02
        sent = [event for event in events if self._bus.is_up and not self._world.chance(lost)]
        self._bus.published |= {(each.event.task_id, each.event.sequence) for each in sent}
        return [event for event in sent if not self._world.chance(lost)]
