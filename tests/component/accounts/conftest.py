"""A database of the accounts service, migrated, and its parts on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.accounts.store.accounts import AccountStore
from services.common import bus
from services.common.bus import Bus
from services.common.database import opened
from services.common.migrations import migrate


@pytest.fixture
async def migrated(database: str) -> str:
    await asyncio.to_thread(migrate, "accounts", database)
    return database


@pytest.fixture
async def store(migrated: str) -> AsyncIterator[AccountStore]:
    async with opened(migrated, 4) as database:
        yield AccountStore(database)


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Bus]:
    async with bus.connected(nats_url, "test", 1) as connected:
        yield connected
