"""Terminal events of tasks, read through one durable JetStream consumer that all replicas share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry.trace import SpanKind

from darkroom.internal.tasks.v1 import events_pb2
from services.files.records import EndedTask
from services.files.tasks_client import TERMINAL_STATES
from services.platform.bus import ENDS_CONSUMER, EVENTS_STREAM, Bus, event_subject, messaging
from services.platform.log import get_logger
from services.platform.loop import to_its_end
from services.platform.telemetry import tracing

_logger = get_logger()
_BATCH = 20
_WAIT_SECONDS = 30.0
_MORE_SECONDS = 0.2
_ACK_WAIT_SECONDS = 30.0


class TaskEvents:
    """Hands ended tasks to `settle`. Events are acknowledged after that, so one that could not be handled is redelivered.

    Events are kept for an hour. The sweeper asks about tasks whose event was lost.
    """

    def __init__(self, bus: Bus, settle: Callable[[Sequence[EndedTask]], Awaitable[None]]) -> None:
        self._bus, self._settle = bus, settle
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def step(self) -> bool:
        """Wait a while for events and handle those that arrive; True if there are probably more."""
        try:
            if self._subscription is None:
                self._subscription = await self._subscribe()
            messages = await self._fetch(self._subscription)
        except nats.errors.TimeoutError:
            return False
        except Exception:
            # The server may have restarted without the consumer, so subscribe again next time. The loop logs the error and waits.
            self._subscription = None
            raise
        await to_its_end(self._handle(messages))
        return len(messages) > _BATCH

    async def _fetch(self, subscription: JetStreamContext.PullSubscription) -> list[Msg]:
        """The result of `_fetch`; nothing if the server that was asked is gone."""
        renewed, fetching = self._bus.renewed, asyncio.create_task(_fetch(subscription))
        either: set[asyncio.Future[Any]] = {fetching, renewed}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return fetching.result() if fetching.done() else []
        finally:
            fetching.cancel()

    async def _handle(self, messages: Sequence[Msg]) -> None:
        published = [one for message in messages for one in _published(message) if one.event.state in TERMINAL_STATES]
        with _spans(published):
            await self._settle([EndedTask(one.event.task_id, tuple(one.output_file_ids)) for one in published])
        for message in messages:
            await message.ack()

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            durable_name=ENDS_CONSUMER,
            filter_subject=event_subject("*", end=True),
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_SECONDS,
        )
        await self._bus.jetstream.add_consumer(EVENTS_STREAM, config)
        return await self._bus.jetstream.pull_subscribe_bind(ENDS_CONSUMER, stream=EVENTS_STREAM)


async def _fetch(subscription: JetStreamContext.PullSubscription) -> list[Msg]:
    """The next event as soon as there is one, and those queued behind it. Raises nats.errors.TimeoutError when none arrives.

    If asked for several at once, the client would wait for a full batch until its timeout.
    """
    messages = await subscription.fetch(1, timeout=_WAIT_SECONDS)
    waiting = min(messages[0].metadata.num_pending or 0, _BATCH)
    if waiting:
        with contextlib.suppress(nats.errors.TimeoutError):  # another replica was faster
            messages += await subscription.fetch(waiting, timeout=_MORE_SECONDS)
    return messages


def _published(message: Msg) -> Sequence[events_pb2.PublishedEvent]:
    """The events in a message; none if it cannot be read."""
    try:
        return events_pb2.PublishedEvents.FromString(message.data).events
    except DecodeError:
        _logger.warning("event_unreadable", subject=message.subject, size=len(message.data))
        return []


@contextlib.contextmanager
def _spans(published: Sequence[events_pb2.PublishedEvent]) -> Iterator[None]:
    """Record the block as a span in each trace that one of the tasks belongs to."""
    with contextlib.ExitStack() as spans:
        for one in published:
            if one.trace_parent:
                attributes = messaging(event_subject(one.account_id, end=True), "process", one.event.task_id)
                spans.enter_context(tracing.below(one.trace_parent, f"process {EVENTS_STREAM}", SpanKind.CONSUMER, attributes))
        yield
