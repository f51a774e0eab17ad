"""NATS: the connection, and the JetStream streams.

`EVENTS.<account>.<kind>` keeps task events for an hour, several to a message; the tasks database is their source of truth. The kind is
`end` for a message with the end of a task that has files, or could have made some, and `change` for any other: the files service reads
the former only.
`OFFERS.<operation>` keeps one message, for a minute, for each operation that a worker is configured for, for each newer lane that a worker
serves, and for each worker; see `offers.py` and `worker_board.py`.
`PROGRESS.<name>` keeps, for two minutes, the last report about a job that a client of the gateway has named.
`JOBS.<name>` keeps, for a day, which task it is that a client has named and does not wait for.

The tasks service creates the streams, and creates them again when it reconnects to a server that has lost any: a server in no cluster
forgets a stream in memory when it restarts. A user of NATS needs only what its service does (`deploy/installation/nats_users.py` lists
it), and gets answers below `_INBOX.<user>`, which no other service needs to read.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from prometheus_client import Counter

from services.platform.log import get_logger
from services.platform.nats_servers import NatsServers
from services.platform.process import end
from services.platform.publishing import Publisher

EVENTS_STREAM, OFFERS_STREAM, PROGRESS_STREAM, JOBS_STREAM = "EVENTS", "OFFERS", "PROGRESS", "JOBS"
ENDS_CONSUMER = "files"
"""The durable consumer of EVENTS through which all replicas of the files service learn which tasks have ended."""
REVOKED_SUBJECT = "ACCOUNTS.revoked"
"""Core subject; body: JSON `{"key_id": …}`."""

OFFER_BYTES = 64 * 1024
"""The longest message on `OFFERS.…`."""
_EVENTS_SECONDS = 3600
_OFFER_SECONDS = 60
_OFFERS = 10_000
_PROGRESS_SECONDS = 120
_PROGRESS_JOBS = 50_000
_JOBS_SECONDS = 86_400
_JOBS = 1_000_000
_DUPLICATE_SECONDS = 120
_AGAIN_SECONDS = 1.0
# JetStream's error codes while a cluster has not found together: no leader, too few servers, or one that is still reading its disk.
_STARTING = frozenset({10004, 10005, 10008, 10009, 10118})
_logger = get_logger()
_DISCONNECTS = Counter("darkroom_nats_disconnects", "Times that the connection to NATS was lost.")


def queued_subject(lane: str) -> str:
    """Core subject that notifies the replicas of tasks that tasks of a lane wait for which one of them has no free worker; `*` for any."""
    return f"QUEUED.{lane}"


def open_calls_subject(service: str) -> str:
    """Core subject on which the replicas of a service tell each other how many calls accounts have open."""
    return f"OPEN.{service}"


def event_subject(account_id: int | str, *, end: bool) -> str:
    """The subject of an account's messages whose events include (`end`) or do not include the end of a task that concerns files; for any
    account: `*`."""
    return f"EVENTS.{account_id}.{'end' if end else 'change'}"


def events_subject(account_id: int | str) -> str:
    """The subjects of all of an account's events; `*` for any account."""
    return f"EVENTS.{account_id}.*"


def offer_subject(name: str) -> str:
    """The subject on which workers announce what they offer; `*` for anything."""
    return f"OFFERS.{name}"


def progress_subject(name: str) -> str:
    """The subject with the progress of a job, by a name of letters and digits; `*` for any."""
    return f"PROGRESS.{name}"


def job_subject(name: str) -> str:
    """The subject that says which task a job is, by a name of letters and digits; `*` for any."""
    return f"JOBS.{name}"


def cancel_subject(task_id: int | str) -> str:
    """Core subject that asks a task's worker to stop; `*` for any."""
    return f"CANCEL.{task_id}"


def call_cancel_subject(name: str) -> str:
    """Core subject that asks the replica of the gateway that answers a call to stop; by a name of letters and digits, `*` for any."""
    return f"CALLS.{name}"


def messaging(subject: str, operation: str, task_id: int) -> dict[str, str | int]:
    """Attributes, by OpenTelemetry's conventions, of a span that sends (`send`) or handles (`process`) a message about a task."""
    return {
        "messaging.system": "nats",
        "messaging.destination.name": subject,
        "messaging.operation.type": operation,
        "darkroom.task_id": task_id,
    }


class Bus:
    """A connection that reconnects forever, and its JetStream context."""

    def __init__(self, client: Client, jetstream: JetStreamContext) -> None:
        self.client = client
        self.jetstream = jetstream
        self.publisher = Publisher(client)
        self.renewed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the connection is a new one, to a server that need not know what was asked on the one before."""

    def renew(self) -> None:
        """The connection is a new one."""
        done, self.renewed = self.renewed, asyncio.get_running_loop().create_future()
        done.set_result(None)

    async def ensure_streams(self, replicas: int, *, update: bool = True) -> None:
        """Create the streams that are missing and, with `update`, update the others; repeating it is harmless.

        Waits for a cluster that is still starting or has fewer servers than `replicas`. Raises nats.js.errors.APIError for anything else,
        such as several replicas on a server that is in no cluster.
        """
        streams = (
            StreamConfig(
                name=EVENTS_STREAM,
                subjects=[events_subject("*")],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                max_age=_EVENTS_SECONDS,
                num_replicas=replicas,
                duplicate_window=_DUPLICATE_SECONDS,
            ),
            StreamConfig(
                name=OFFERS_STREAM,
                subjects=[offer_subject("*")],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                max_msgs_per_subject=1,
                max_age=_OFFER_SECONDS,
                # Reports of workers on other machines are here, too; none fills the disk.
                max_msgs=_OFFERS,
                max_msg_size=OFFER_BYTES,
                num_replicas=replicas,
                duplicate_window=_OFFER_SECONDS,
            ),
            StreamConfig(
                name=PROGRESS_STREAM,
                subjects=[progress_subject("*")],
                retention=RetentionPolicy.LIMITS,
                # The clients of a job that is forgotten with the server look at the task.
                storage=StorageType.MEMORY,
                max_msgs_per_subject=1,
                max_age=_PROGRESS_SECONDS,
                # Not `max_bytes`, which would be set aside.
                max_msgs=_PROGRESS_JOBS,
                num_replicas=replicas,
                duplicate_window=_PROGRESS_SECONDS,
            ),
            StreamConfig(
                name=JOBS_STREAM,
                subjects=[job_subject("*")],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                max_msgs_per_subject=1,
                max_age=_JOBS_SECONDS,
                max_msgs=_JOBS,
                num_replicas=replicas,
                duplicate_window=_DUPLICATE_SECONDS,
            ),
        )
        for stream in streams:
            await self._ensure(stream, update)

    async def restore_streams(self, replicas: int, reconnected: asyncio.Event) -> None:
        """Create the streams that are missing whenever `reconnected` is set. The others stay as they are: a newer replica may have
        updated them."""
        while True:
            await reconnected.wait()
            reconnected.clear()
            try:
                await self.ensure_streams(replicas, update=False)
            except nats.errors.Error as error:
                _logger.warning("streams_not_restored", error=str(error) or repr(error))
                reconnected.set()
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _ensure(self, stream: StreamConfig, update: bool) -> None:
        while True:
            try:
                await self._create_or_update(stream, update)
                break
            except (nats.js.errors.APIError, nats.errors.TimeoutError, nats.errors.NoRespondersError) as error:
                if isinstance(error, nats.js.errors.APIError) and error.err_code not in _STARTING:
                    raise
                _logger.warning("stream_not_ready", stream=stream.name, replicas=stream.num_replicas, error=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _create_or_update(self, stream: StreamConfig, update: bool) -> None:
        name = str(stream.name)
        try:
            await self.jetstream.stream_info(name)
        except nats.js.errors.NotFoundError:
            await self.jetstream.add_stream(stream)
        else:
            if update:
                await self.jetstream.update_stream(stream)


@asynccontextmanager
async def connect(where: NatsServers | str, service: str, replicas: int | None = None, *, name: str = "") -> AsyncIterator[Bus]:
    """A bus of a service, closed when the block ends; `where` may be a URL, as in `NatsServers.parse`.

    `replicas` is for the service that creates the streams: how many copies each has. `name` is shown in NATS's monitoring in place of the
    service. If the servers end the connection for good, as when they no longer accept the credentials, the process stops, because
    its supervisor starts it again with the current ones.
    """
    client, closing, reconnected = Client(), False, asyncio.Event()
    restoring: asyncio.Task[None] | None = None

    async def on_disconnect() -> None:
        if not closing:
            _DISCONNECTS.inc()
            _logger.warning("nats_disconnected")

    async def on_reconnect() -> None:
        _logger.info("nats_reconnected", server=client.connected_url.netloc if client.connected_url else "")
        reconnected.set()
        bus.renew()

    async def on_error(error: Exception) -> None:
        _logger.warning("nats_error", error=str(error) or repr(error))

    async def on_close() -> None:
        if not closing and client.last_error is not None:
            _logger.error("nats_closed", error=str(client.last_error))
            signal.raise_signal(signal.SIGTERM)

    servers = NatsServers.parse(where) if isinstance(where, str) else where
    await client.connect(
        **servers.options(service),
        name=name or service,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,  # type: ignore[arg-type]
        ping_interval=10,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
        closed_cb=on_close,
        error_cb=on_error,
    )
    bus = Bus(client, client.jetstream())
    try:
        if replicas is not None:
            await bus.ensure_streams(replicas)
            restoring = asyncio.create_task(bus.restore_streams(replicas, reconnected))
        yield bus
    finally:
        # Not drain(): it waits for every delivered message to be consumed, and a cancelled pull leaves its last status unconsumed. Nor is
        # it needed: work is acknowledged when done and redelivered otherwise. close() sends what is buffered.
        closing = True
        if restoring is not None:
            await end(restoring)
        await client.close()
