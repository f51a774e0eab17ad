"""Taking tasks from the work queues of lanes, and shutting down in order."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import Error as JetStreamError
from opentelemetry.trace import SpanKind

from darkroom.internal.tasks.v1.attempt_service_pb2 import WorkHint
from services.common import log
from services.common.bus import WORK_STREAM, Bus, messaging, work_consumer, work_subject
from services.common.errors import DarkroomError, ErrorReason
from services.common.rpc.trace import set_trace_id
from services.common.telemetry import tracing
from services.common.telemetry.health import Health
from services.inference import metrics
from services.inference.worker.client import Admission, AttemptClient

_PULL_SECONDS = 5.0
_LAST_PULL_SECONDS = 0.2
_ACK_SECONDS = 15
"""Longer than StartAttempt may take, including retries: a hint not acknowledged by then goes to another worker."""
_AGAIN_SECONDS = 2.0
_REPAIR_SECONDS = 0.5
_PASSING = (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL)

_logger = log.get_logger()


class Runner(Protocol):
    """Runs the attempts that a lane was admitted to."""

    async def run(self, run: Admission, admitted_at: float, closing: asyncio.Event) -> None:
        """Run an attempt to its end; see `AttemptRunner.run`."""


class Lane:
    """Works on one lane, up to `concurrency` tasks at once.

    A slot asks for a hint only when it is free, so tasks wait in the queue, where other workers can take them, instead of here. All
    workers of a lane share one durable consumer.
    """

    def __init__(self, name: str, concurrency: int, bus: Bus, client: AttemptClient, runner: Runner) -> None:
        self._name = name
        self._concurrency = concurrency
        self._bus = bus
        self._client = client
        self._runner = runner
        self._unanswered: dict[int, str] = {}
        metrics.SLOTS.labels(name).set(concurrency)
        self._busy = metrics.SLOTS_BUSY.labels(name)

    async def work(self, stop: asyncio.Event, closing: asyncio.Event) -> None:
        """Take tasks until `stop`, then let running ones finish; `closing` interrupts them."""
        async with asyncio.TaskGroup() as slots:
            for _ in range(self._concurrency):
                slots.create_task(self._slot(stop, closing))

    async def _slot(self, stop: asyncio.Event, closing: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._take_from(await self._subscribe(), stop, closing)
            except (nats.errors.Error, JetStreamError, TimeoutError) as error:
                _logger.warning("lane_interrupted", lane=self._name, error=repr(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_REPAIR_SECONDS):
                        await stop.wait()

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            durable_name=work_consumer(self._name),
            filter_subject=work_subject(self._name),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_SECONDS,
            max_deliver=-1,
        )
        await self._bus.jetstream.add_consumer(WORK_STREAM, config)
        return await self._bus.jetstream.pull_subscribe_bind(config.durable_name, stream=WORK_STREAM)

    async def _take_from(self, subscription: JetStreamContext.PullSubscription, stop: asyncio.Event, closing: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                pulling = asyncio.create_task(_pull(subscription))
                try:
                    await asyncio.wait((pulling, stopped), return_when=asyncio.FIRST_COMPLETED)
                    message = pulling.result() if pulling.done() else None
                finally:
                    pulling.cancel()
                if message is not None:
                    await self._take(message, closing)
            await _give_back(subscription)
        finally:
            stopped.cancel()
            with suppress(nats.errors.Error):  # the connection is gone, and the subscription with it
                await subscription.unsubscribe()

    async def _take(self, message: Msg, closing: asyncio.Event) -> None:
        try:
            hint = WorkHint.FromString(message.data)
        except DecodeError:
            _logger.error("hint_malformed", lane=self._name, size=len(message.data))
            await message.term()
            return
        set_trace_id(hint.trace_id)
        subject = work_subject(self._name)
        parent = (message.headers or {}).get(tracing.TRACE_PARENT, "")
        with (
            log.bind(task_id=hint.task_id, trace_id=hint.trace_id, lane=self._name),
            tracing.below(parent, f"process {subject}", SpanKind.CONSUMER, messaging(subject, "process", hint.task_id)) as span,
        ):
            admitted_at = asyncio.get_running_loop().time()
            admission = await self._admission(hint, message)
            if admission is None:
                return
            span.set_attribute("darkroom.attempt", admission.attempt)
            with log.bind(attempt=admission.attempt, account_id=admission.account_id):
                _logger.info("attempt_started")
                try:
                    with self._busy.track_inprogress():
                        await self._runner.run(admission, admitted_at, closing)
                except Exception:
                    # The task is given back when its lease expires; this slot goes on.
                    _logger.exception("attempt_crashed")

    async def _admission(self, hint: WorkHint, message: Msg) -> Admission | None:
        """Ask to run the task, and settle the hint: acked once there is an answer, requeued if there is none."""
        # If the answer is lost, asking again with the same run id returns it.
        run_id = self._unanswered.pop(hint.task_id, None) or str(uuid.uuid4())
        try:
            admission = await self._client.start(hint.task_id, run_id)
        except DarkroomError as error:
            _logger.warning("admission_failed", error=str(error))
            if error.reason in _PASSING:
                self._unanswered[hint.task_id] = run_id
                await message.nak(delay=_AGAIN_SECONDS)
            else:
                await message.term()
            return None
        try:
            await message.ack()
        except nats.errors.Error as error:
            # It will be delivered again, but not admitted again.
            _logger.warning("ack_failed", error=repr(error))
        return admission


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


async def _give_back(subscription: JetStreamContext.PullSubscription) -> None:
    """Return hints that arrived as this worker stopped asking, so that others get them now instead of after the ack timeout."""
    with suppress(TimeoutError, nats.errors.Error):
        for message in await subscription.fetch(1, timeout=_LAST_PULL_SECONDS):
            await message.nak()


async def _pull(subscription: JetStreamContext.PullSubscription) -> Msg | None:
    """The next message; None if there is none for a while."""
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    try:
        messages = await subscription.fetch(1, timeout=_PULL_SECONDS)
    except TimeoutError:
        # The client also reports a missing consumer or too many pulls as a timeout; those come immediately.
        if loop.time() - asked_at < _PULL_SECONDS / 2:
            raise
        return None
    return messages[0]
