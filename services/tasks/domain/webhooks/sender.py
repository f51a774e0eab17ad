"""Sends what the outbox holds. Any number of senders may run."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram

from services.platform.clock import Clock
from services.platform.egress.destinations import UnreachableError
from services.platform.errors import DarkroomError
from services.platform.log import bind, get_logger
from services.platform.loop import Loop
from services.platform.retry_after import retry_after_of
from services.platform.rpc.trace import Origin
from services.platform.telemetry import tracing
from services.platform.telemetry.durations import CALLS, WORK
from services.tasks.domain.webhooks.formats import Subject, WebhookEvent, WebhookFormat, WebhookMessage
from services.tasks.domain.webhooks.post import Answer, Poster
from services.tasks.domain.webhooks.schedule import RetrySchedule
from services.tasks.model import Task
from services.tasks.model.records import ClaimedDelivery, Outcome
from services.tasks.store.batches import BatchStore
from services.tasks.store.deliveries import DeliveryStore
from services.tasks.store.tasks import TaskStore

_logger = get_logger()
_GONE = 410
_BUSY = (429, 503)
_LAST_SECONDS = 2.0

ATTEMPTS = Counter("darkroom_webhook_attempts", "Attempts to deliver, by outcome: delivered, retried or given_up.", ["outcome"])
POST_SECONDS = Histogram("darkroom_webhook_post_seconds", "Time of one request to a receiver.", buckets=CALLS)
DELIVERY_SECONDS = Histogram(
    "darkroom_webhook_delivery_seconds", "Time from an event to its delivery, failed attempts included.", buckets=WORK
)
SENDING = Gauge("darkroom_webhook_sending", "Requests to receivers that are under way.")


class _Pointless(Exception):
    """The delivery is given up, for the reason in the text."""


class _NotReady(Exception):
    """Nothing could be sent yet, for the reason in the text."""


@dataclass(frozen=True, slots=True)
class SenderRules:
    """The settings of a sender."""

    concurrency: int
    concurrency_each: int
    lease: timedelta
    """A delivery that was taken but not recorded within this time is taken again; longer than any attempt."""
    interval: float
    """Seconds between looks that nothing has asked for."""
    schedule: RetrySchedule
    spacing: float = 0.25
    """Least seconds between two looks because tasks have ended."""


class WebhookSender:
    """Takes due deliveries, sends each in an asyncio task of its own, and records the outcome.

    The end of a task wakes it at once on an idle system. Under load it looks once in `spacing` seconds, since most accounts have no
    webhooks.

    A receiver that hangs keeps `concurrency_each` of these tasks busy and nothing else: neither another receiver's deliveries, nor the
    database's connections, nor the loop. A delivery is sent at least once: after a crash between sending and recording it is sent again
    under the same id.

    A webhook that answers 429 or 503 with `Retry-After` is left alone for that time, within the limit: by this sender, and by another once
    it gets the same answer. For tasks' own URLs only the delivery itself waits, since others may share its lane.
    """

    def __init__(
        self,
        store: DeliveryStore,
        tasks: TaskStore,
        batches: BatchStore,
        poster: Poster,
        native: WebhookFormat,
        rules: SenderRules,
        clock: Clock,
        formats: Mapping[str, WebhookFormat] | None = None,
    ) -> None:
        """`formats` are those of other APIs, by their names; the mapping may be filled until the sender runs."""
        self._store, self._tasks, self._batches = store, tasks, batches
        self._native, self._formats = native, {} if formats is None else formats
        self._poster, self._rules, self._clock = poster, rules, clock
        self._loop = Loop("webhook_sender", rules.interval, self.step)
        self._sending: dict[asyncio.Task[None], int] = {}
        self._more_waits = False
        self._left_alone: dict[int, datetime] = {}
        self._next_at = 0.0
        self._waking: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Look for due deliveries soon."""
        self._loop.wake()

    def on_end(self) -> None:
        """A task has ended, so there may be a delivery."""
        if self._waking is None:
            loop = asyncio.get_running_loop()
            self._waking = loop.call_at(max(loop.time(), self._next_at), self._wake_after_end)

    def _wake_after_end(self) -> None:
        self._waking, self._next_at = None, asyncio.get_running_loop().time() + self._rules.spacing
        self._loop.wake()

    async def run(self) -> None:
        """Run until cancelled. Deliveries then under way get two seconds to finish; another sender sends the rest again."""
        try:
            await self._loop.run()
        finally:
            await self.finish(_LAST_SECONDS)

    async def finish(self, seconds: float | None = None) -> None:
        """Wait for deliveries under way, and abort those that take longer than `seconds`."""
        if not self._sending:
            return
        _, late = await asyncio.wait(set(self._sending), timeout=seconds)
        for sending in late:
            sending.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def step(self) -> bool:
        """Start sending due deliveries, as far as there is room.

        True if more may be due and there is room again. If there is none, the end of a sending triggers another look.
        """
        busy = collections.Counter(self._sending.values())
        room = self._rules.concurrency - busy.total()
        if room <= 0:
            self._more_waits = True
            return False
        now = self._clock()
        self._left_alone = {lane: until for lane, until in self._left_alone.items() if until > now}
        full = dict.fromkeys(self._left_alone, self._rules.concurrency_each)
        claims = await self._store.claim(
            limit=room, lane_limit=self._rules.concurrency_each, busy={**busy, **full}, retry_at=now + self._rules.lease, now=now
        )
        for claimed in claims:
            sending = asyncio.create_task(self._send(claimed))
            self._sending[sending] = claimed.delivery.lane
            sending.add_done_callback(self._sent)
        # Lanes that were full at the time of the claim may hold more, whatever has ended since.
        busy.update(claimed.delivery.lane for claimed in claims)
        self._more_waits = busy.total() >= self._rules.concurrency or max(busy.values(), default=0) >= self._rules.concurrency_each
        return self._more_waits and len(self._sending) < busy.total()

    def _sent(self, sending: asyncio.Task[None]) -> None:
        del self._sending[sending]
        if self._more_waits:
            self._loop.wake()
        if not sending.cancelled() and (error := sending.exception()) is not None:
            # Nothing is lost: the delivery is taken again when its lease expires.
            _logger.warning("webhook_not_recorded", error=repr(error), exc_info=error)

    async def _send(self, claimed: ClaimedDelivery) -> None:
        delivery = claimed.delivery
        with bind(account_id=delivery.account_id, task_id=delivery.task_id, delivery_id=delivery.id):
            outcome = await self._attempt(claimed)
            pause = None if outcome.delivered or outcome.final else self._rules.schedule.pause(delivery.tries, outcome.retry_after)
            now = self._clock()
            if outcome.retry_after is not None and delivery.webhook_id != 0:
                self._left_alone[delivery.lane] = now + self._rules.schedule.allowed_pause(outcome.retry_after)
            retry_at = now + pause if pause is not None else None
            await self._store.record(delivery, outcome, retry_at=retry_at, now=now)
            ATTEMPTS.labels("delivered" if outcome.delivered else "retried" if retry_at is not None else "given_up").inc()
            if outcome.delivered:
                DELIVERY_SECONDS.observe((now - delivery.create_time).total_seconds())
            _logger.info(
                "webhook_sent" if outcome.delivered else "webhook_failed",
                attempt=delivery.attempts,
                status=outcome.status,
                error=outcome.error,
                retry_at=retry_at.isoformat() if retry_at is not None else None,
            )

    async def _attempt(self, claimed: ClaimedDelivery) -> Outcome:
        delivery = claimed.delivery
        try:
            subject = await self._subject(claimed)
            message = await self._message(claimed, subject)
            with (
                SENDING.track_inprogress(),
                POST_SECONDS.time(),
                tracing.below(_trace_of(subject), "webhook", SpanKind.CLIENT, {"darkroom.delivery_id": delivery.id}),
            ):
                answer = await self._poster.post(delivery.account_id, delivery.url, message.headers, message.body)
        except _Pointless as error:
            return Outcome(delivered=False, final=True, error=str(error))
        except (_NotReady, UnreachableError) as error:
            return Outcome(delivered=False, error=str(error))
        return _judged(answer, self._clock(), own_url=delivery.webhook_id == 0)

    async def _subject(self, claimed: ClaimedDelivery) -> Subject | None:
        """The subject of the event; None for a test event."""
        delivery = claimed.delivery
        if claimed.webhook_deleted:
            raise _Pointless("The webhook was deleted.")
        if claimed.webhook_disabled:
            raise _Pointless("The webhook is disabled: it has answered 410 Gone, or was switched off.")
        if delivery.task_id is not None:
            task = await self._tasks.get(delivery.account_id, delivery.task_id)
            if task is None:
                raise _Pointless("The task was deleted.")
            return task
        if delivery.batch_id is not None:
            batch = await self._batches.get(delivery.account_id, delivery.batch_id)
            if batch is None:
                raise _Pointless("The batch was deleted.")
            return batch
        return None

    async def _message(self, claimed: ClaimedDelivery, subject: Subject | None) -> WebhookMessage:
        form = self._format_of(claimed, subject)
        if form is None:
            raise _NotReady(f"This server does not support webhooks of the format {claimed.format}.")
        try:
            return await form.message(WebhookEvent(claimed.delivery, subject, claimed.secrets, self._clock()))
        except DarkroomError as error:
            raise _NotReady(f"The event could not be built: {error.message}") from error
        except Exception as error:
            _logger.exception("webhook_not_rendered")
            raise _NotReady("The event could not be built.") from error

    def _format_of(self, claimed: ClaimedDelivery, subject: Subject | None) -> WebhookFormat | None:
        """The form that the receiver expects; None for one that this version does not know."""
        if claimed.format is not None:
            return self._formats.get(claimed.format)
        if claimed.delivery.webhook_id == 0 and isinstance(subject, Task):
            return self._formats.get(subject.surface, self._native)
        return self._native


def _trace_of(subject: Subject | None) -> str:
    """The trace that a task's delivery belongs to; a batch has none, as its tasks may come from several requests."""
    return Origin.parse(subject.trace_id).trace_parent if isinstance(subject, Task) else ""


def _judged(answer: Answer, now: datetime, *, own_url: bool) -> Outcome:
    if 200 <= answer.status < 300:
        return Outcome(delivered=True, status=answer.status, body=answer.body)
    error = f"The receiver answered {answer.status}."
    if 300 <= answer.status < 400:
        error = f"The receiver answered {answer.status}; redirects are not followed."
    gone = answer.status == _GONE
    return Outcome(
        delivered=False,
        status=answer.status,
        body=answer.body,
        error=error,
        retry_after=retry_after_of(answer.retry_after, now) if answer.status in _BUSY else None,
        final=gone,
        is_gone=gone and not own_url,
    )
