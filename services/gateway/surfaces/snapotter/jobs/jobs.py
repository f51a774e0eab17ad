"""The reports about jobs that clients have named themselves (`clientJobId`).

The last event of a job is kept in NATS for two minutes, so that any replica can send it to later watchers. The replica that runs the job
repeats it every few seconds: a job without a report for several times as long has lost its server.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.gateway.surfaces.snapotter.jobs.events import Event, content, is_final
from services.platform.bus import JOBS_STREAM, PROGRESS_STREAM, Bus, job_subject, progress_subject
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.process import end

BEAT_SECONDS = 5.0
_ORDER = "Order"
"""The header with the time, in nanoseconds, of an event's first report."""
_KEEPING_SECONDS = 2.0
_MOST_NEWS = 64
"""Events that wait for a watcher who is slow; older ones are left out."""
Failing = Callable[[BaseException], Event]
"""The final event of a job from what was raised."""
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class NamedTask:
    """The task that a client has named, and when."""

    account_id: int
    task_id: int
    order: int


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """A reported event, for clients, and its time."""

    data: bytes
    order: int


class Jobs:
    """Reports about jobs, and receives such reports."""

    def __init__(self, bus: Bus, beat_seconds: float = BEAT_SECONDS) -> None:
        self._bus, self._beat = bus, beat_seconds

    @property
    def is_connected(self) -> bool:
        """Whether anything can be heard at all."""
        return self._bus.client.is_connected

    @asynccontextmanager
    async def begin(self, job_id: str, event: Event, failing: Failing) -> AsyncIterator[Job]:
        """A job that runs while the block does. An empty name sends no reports. An exception becomes the final event."""
        job = Job(self, job_id)
        await job.tell(event)
        beating = asyncio.create_task(job.beat(self._beat)) if job_id else None
        try:
            yield job
        except BaseException as raised:
            await job.tell(failing(raised))
            raise
        finally:
            if beating is not None:
                await end(beating)

    async def publish(self, job_id: str, told: ReportedEvent) -> None:
        """Tell an event, and keep it; a final one, which nobody repeats, has been kept on return. The job goes on where that fails."""
        subject, headers = _subject(job_id), {_ORDER: str(told.order)}
        try:
            if is_final(told.data):
                await self._bus.jetstream.publish(subject, told.data, timeout=_KEEPING_SECONDS, headers=headers)
            else:
                await self._bus.client.publish(subject, told.data, headers=headers)
        except nats.errors.Error as error:
            _logger.warning("progress_not_told", error=str(error))

    async def last_event(self, job_id: str) -> ReportedEvent | None:
        """The last event of a job; None for one without a report for two minutes."""
        try:
            message = await self._bus.jetstream.get_last_msg(PROGRESS_STREAM, _subject(job_id))
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            _logger.warning("progress_not_read", error=str(error))
            return None
        return ReportedEvent(message.data or b"", _order(message.headers))

    async def name(self, job_id: str, account_id: int, task_id: int) -> None:
        """Keep for a day that a job is a task, which reports about itself. Raises UNAVAILABLE."""
        data = json.dumps({"account_id": account_id, "task_id": task_id}).encode()
        try:
            await self._bus.jetstream.publish(
                job_subject(_hashed(job_id)), data, timeout=_KEEPING_SECONDS, headers={_ORDER: str(time.time_ns())}
            )
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            _logger.warning("job_not_named", error=str(error))
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The job cannot be kept. Try again later.") from error

    async def find_task(self, job_id: str) -> NamedTask | None:
        """The task that a job is; None if no client has named it within a day."""
        try:
            message = await self._bus.jetstream.get_last_msg(JOBS_STREAM, job_subject(_hashed(job_id)))
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            _logger.warning("job_not_read", error=str(error))
            return None
        return _named(message.data or b"", message.headers)

    def news(self, job_id: str) -> News:
        """The reports about a job while the block runs."""
        return News(self._bus, _hashed(job_id))


class Job:
    """One that is under way."""

    def __init__(self, jobs: Jobs, job_id: str) -> None:
        self._jobs, self._id = jobs, job_id
        self._told = ReportedEvent(b"", 0)

    async def tell(self, event: Event) -> None:
        """The current report."""
        if self._id:
            self._told = ReportedEvent(content(self._id, event), max(time.time_ns(), self._told.order + 1))
            await self._jobs.publish(self._id, self._told)

    async def beat(self, seconds: float) -> None:
        """Repeat the last event until it is a final one."""
        while not is_final(self._told.data):
            await asyncio.sleep(seconds)
            await self._jobs.publish(self._id, self._told)


class News:
    """Events as they are reported, while its block runs."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus, self._name = bus, name
        self._waiting: asyncio.Queue[ReportedEvent | NamedTask] = asyncio.Queue(_MOST_NEWS)
        self._subscriptions: list[Subscription] = []

    async def __aenter__(self) -> News:
        for subject, heard in ((progress_subject(self._name), self._told), (job_subject(self._name), self._was_named)):
            self._subscriptions.append(await self._bus.client.subscribe(subject, cb=heard))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        for subscription in self._subscriptions:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def next(self) -> ReportedEvent | NamedTask:
        """The next event, which may be one that was sent before, or the task that the job is."""
        return await self._waiting.get()

    async def _told(self, message: Msg) -> None:
        self._put(ReportedEvent(message.data, _order(message.headers)))

    async def _was_named(self, message: Msg) -> None:
        self._put(_named(message.data, message.headers))

    def _put(self, news: ReportedEvent | NamedTask) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(news)


def _named(data: bytes, headers: dict[str, str] | None) -> NamedTask:
    said = json.loads(data)
    return NamedTask(int(said["account_id"]), int(said["task_id"]), _order(headers))


def _order(headers: dict[str, str] | None) -> int:
    return int((headers or {}).get(_ORDER, "0"))


def _subject(job_id: str) -> str:
    return progress_subject(_hashed(job_id))


def _hashed(job_id: str) -> str:
    return hashlib.sha256(job_id.encode(errors="replace")).hexdigest()
