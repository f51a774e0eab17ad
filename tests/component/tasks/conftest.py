"""A tasks service's surroundings: real PostgreSQL and NATS, a clock that tests move, and files.py at the boundary to files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform import bus as buses
from services.platform.bus import Bus
from services.platform.database import Database, engine
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene
from tests.component.tasks.service import Service
from tests.harness.databases import MigratedDatabases


@pytest.fixture
def tasks_database(migrated_databases: MigratedDatabases) -> Iterator[str]:
    """An empty tasks database."""
    with migrated_databases.new("tasks") as url:
        yield url


@pytest.fixture
async def clean_engine(tasks_database: str) -> AsyncIterator[AsyncEngine]:
    """An engine on an empty database."""
    async with engine(tasks_database, 20) as made:
        yield made


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
    async with buses.connect(nats_url, "tests", 1) as connection:
        yield connection


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
