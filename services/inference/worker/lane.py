"""Working on the tasks of lanes, and shutting down in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from opentelemetry.trace import SpanKind

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.inference import metrics
from services.inference.worker.client import Admission, AttemptClient
from services.inference.worker.exchange import Exchange
from services.platform import log, process
from services.platform.rpc.trace import set_trace_id
from services.platform.telemetry import tracing
from services.platform.telemetry.health import Health

_DRAINING_SECONDS = 2.0
"""For the service to hear that this worker stops, and for the last ends to be answered."""

_logger = log.get_logger()


class Runner(Protocol):
    """Runs the attempts that a lane was admitted to."""

    async def run(self, admission: Admission, admitted_at: float, closing: asyncio.Event) -> None:
        """Run an attempt to its end; see `AttemptRunner.run`."""


class ShortRuns(Protocol):
    """Does short runs that a lane is given."""

    async def run(self, asked: pb.ShortRun) -> pb.ShortRunEnd:
        """Do one; see `ShortRunner.run`."""


class Runners(NamedTuple):
    """A runner of each kind."""

    attempts: Runner
    short_runs: ShortRuns


class WorkerBroken(Exception):
    """The runners of a worker cannot be loaded."""


class OnDemand:
    """Runners that are loaded with the first task, in a thread, since it takes a third of a second."""

    def __init__(self, load: Callable[[], Runners]) -> None:
        self._load, self._loading = load, asyncio.Lock()
        self._loaded: Runners | None = None
        self._failed = asyncio.Event()
        self._error: Exception | None = None

    async def get(self) -> Runners:
        """The runners. Raises what loading them raises."""
        if self._loaded is None:
            async with self._loading:
                if self._loaded is None:
                    try:
                        self._loaded = await asyncio.to_thread(self._load)
                    except Exception as error:
                        self._error = error
                        self._failed.set()
                        raise
        return self._loaded

    async def failure(self) -> None:
        """Wait until they could not be loaded, and raise why."""
        await self._failed.wait()
        raise WorkerBroken from self._error


class Lane:
    """Works on one lane, up to `concurrency` tasks at once.

    With `short_runs` it takes those, too.

    A slot asks for a task only when it is free, so tasks wait in the queue, where other workers can take them, instead of here. It is free
    once its attempt reports an end: the message with the report also asks for the next task. On standby, tasks come only while no worker
    serves the lane that is not.
    """

    def __init__(
        self,
        name: str,
        concurrency: int,
        client: AttemptClient,
        runners: OnDemand,
        *,
        short_runs: bool = False,
        standby: bool = False,
    ) -> None:
        self._name = name
        self._concurrency = concurrency
        self._client = client
        self._runners = runners
        self._short_runs, self._standby = short_runs, standby
        metrics.SLOTS.labels(name).set(concurrency)
        self._busy = metrics.SLOTS_BUSY.labels(name)

    async def work(self, stop: asyncio.Event, closing: asyncio.Event) -> None:
        """Take tasks until `stop`, then let running ones finish; `closing` interrupts them."""
        attempts = set[asyncio.Task[None]]()

        def admit(admission: pb.Admission, response: pb.ExchangeResponse, admitted_at: float) -> None:
            attempt = asyncio.create_task(self._attempt(exchange, admission, response, admitted_at, stop, closing))
            attempts.add(attempt)
            attempt.add_done_callback(attempts.discard)

        def take(run: pb.ShortRun) -> None:
            attempt = asyncio.create_task(self._short_run(exchange, run, stop))
            attempts.add(attempt)
            attempt.add_done_callback(attempts.discard)

        exchange = Exchange(self._name, self._client, admit, take if self._short_runs else None, standby=self._standby)
        for _ in range(self._concurrency):
            exchange.ask()
        # A worker that cannot work ends, rather than take more tasks.
        async with process.background(exchange.run(), self._runners.failure()):
            await stop.wait()
            await exchange.drain(_DRAINING_SECONDS)
            while attempts:
                await asyncio.wait(attempts)
            await exchange.settle(_DRAINING_SECONDS)

    async def _short_run(self, exchange: Exchange, run: pb.ShortRun, stop: asyncio.Event) -> None:
        set_trace_id(run.trace_id)
        self._busy.inc()
        with log.bind(trace_id=run.trace_id, lane=self._name, account_id=run.account_id):
            try:
                exchange.end_short_run(await (await self._runners.get()).short_runs.run(run))
            finally:
                self._busy.dec()
                if not stop.is_set():
                    exchange.ask()

    async def _attempt(
        self,
        exchange: Exchange,
        admission: pb.Admission,
        response: pb.ExchangeResponse,
        admitted_at: float,
        stop: asyncio.Event,
        closing: asyncio.Event,
    ) -> None:
        free = False

        def release() -> None:
            nonlocal free
            if not free:
                free = True
                self._busy.dec()
                if not stop.is_set():
                    exchange.ask()

        async def report(end: pb.AttemptEnd) -> bool:
            release()
            return await exchange.report(end)

        run = Admission.of(admission, response, report)
        set_trace_id(admission.trace_id)
        attributes = {"darkroom.task_id": run.task_id, "darkroom.attempt": run.attempt}
        self._busy.inc()
        with (
            log.bind(task_id=run.task_id, trace_id=admission.trace_id, lane=self._name, attempt=run.attempt, account_id=run.account_id),
            tracing.below(admission.trace_parent, f"process {self._name}", SpanKind.CONSUMER, attributes),
        ):
            try:
                if asyncio.get_running_loop().time() >= admitted_at + run.lease_seconds:
                    _logger.warning("admission_came_late")
                    return
                await (await self._runners.get()).attempts.run(run, admitted_at, closing)
            except Exception:
                # The task is given back when its lease expires; this slot goes on.
                _logger.exception("attempt_crashed")
            finally:
                release()


async def work(lanes: Sequence[Lane], stop: asyncio.Event, health: Health, drain_seconds: float) -> None:
    """Work on the lanes until `stop`; then take nothing new, give running attempts `drain_seconds` to end, and hand back the rest."""
    closing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        working = [group.create_task(lane.work(stop, closing)) for lane in lanes]
        await stop.wait()
        await health.drain()
        _logger.info("draining", seconds=drain_seconds)
        await asyncio.wait(working, timeout=drain_seconds)
        closing.set()
