"""A database of the accounts service, migrated, and its parts on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from services.accounts.store.accounts import AccountStore
from services.accounts.store.revocations import RevocationStore
from services.platform import bus
from services.platform.bus import Bus
from services.platform.database import open_database
from tests.harness.databases import MigratedDatabases


@pytest.fixture
def migrated(migrated_databases: MigratedDatabases) -> Iterator[str]:
    with migrated_databases.new("accounts") as url:
        yield url


@pytest.fixture
async def store(migrated: str) -> AsyncIterator[AccountStore]:
    async with open_database(migrated, 4) as database:
        yield AccountStore(database)


@pytest.fixture
async def revocations(migrated: str) -> AsyncIterator[RevocationStore]:
    async with open_database(migrated, 4) as database:
        yield RevocationStore(database)


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Bus]:
    async with bus.connect(nats_url, "test", 1) as connected:
        yield connected
