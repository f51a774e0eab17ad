"""A tasks service's surroundings: real PostgreSQL and NATS, a clock that tests move, and files.py at the boundary to files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common import bus as buses
from services.common.bus import Bus
from services.common.database import Database, engine
from services.common.migrations import migrate
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene
from tests.component.tasks.service import Service
from tests.stacks import StackUnderTest


@pytest.fixture(scope="session")
async def tasks_engine(postgres: StackUnderTest) -> AsyncIterator[AsyncEngine]:
    """A migrated database, made once a session."""
    url = await asyncio.to_thread(postgres.create_database)
    await asyncio.to_thread(migrate, "tasks", url)
    async with engine(url, 20) as made:
        yield made


@pytest.fixture
async def clean_engine(tasks_engine: AsyncEngine) -> AsyncEngine:
    """The database without rows."""
    async with tasks_engine.begin() as connection:
        tables = "task, task_event, task_attempt, account_policy, lane_account, lane_class, ledger_entry, idempotency"
        tables += ", webhook, webhook_secret, webhook_delivery, batch"
        await connection.execute(text(f"TRUNCATE {tables}"))
        await connection.execute(text("UPDATE event_retention SET end_time = 'epoch', task_id = 0"))
    return tasks_engine


@pytest.fixture
def store(clean_engine: AsyncEngine) -> TaskStore:
    """The store on an empty database."""
    return TaskStore(Database(clean_engine))


@pytest.fixture
def clock() -> MovableClock:
    """Stands still until it is moved."""
    return MovableClock()


@pytest.fixture
def scene(store: TaskStore, clock: MovableClock) -> Scene:
    """Tasks in whatever state a test needs."""
    return Scene(store, clock)


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """NATS with empty streams."""
    async with buses.connected(nats_url, "tests", 1) as connection:
        for stream in (buses.WORK_STREAM, buses.EVENTS_STREAM, buses.OFFERS_STREAM):
            await connection.jetstream.purge_stream(stream)
        yield connection
        for stream in (buses.WORK_STREAM, buses.EVENTS_STREAM, buses.OFFERS_STREAM):
            await connection.jetstream.delete_stream(stream)


@pytest.fixture
async def service(tmp_path: Path, clean_engine: AsyncEngine, nats_url: str, bus: Bus) -> AsyncIterator[Service]:
    """The whole service in this process, as its own `serve` runs it, beside a double of files."""
    async with Service(tmp_path, clean_engine.url.render_as_string(hide_password=False), nats_url, bus) as running:
        yield running


@pytest.fixture
async def bus_messages(bus: Bus) -> AsyncIterator[asyncio.Queue[str]]:
    """Subjects of the cancellations that are announced."""
    subjects: asyncio.Queue[str] = asyncio.Queue()

    async def received(message: Msg) -> None:
        subjects.put_nowait(message.subject)

    subscription = await bus.client.subscribe(buses.cancel_subject("*"), cb=received)
    await bus.client.flush()
    yield subjects
    await subscription.unsubscribe()
