"""Keys that are created under an idempotency key: one for all repeats, and its secret stored nowhere."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.key_creation import KeyCreation
from services.accounts.domain.keys import digest_of
from services.accounts.records import UNLIMITED, KeyLimits
from services.accounts.store.accounts import AccountStore
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from tests.component.accounts.owners import owner_of

PEPPER = b"p" * 32


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class Service:
    """What creates keys in one process, for an account with one key."""

    def __init__(self, database: Database, clock: Clock, pepper: bytes = PEPPER) -> None:
        self.database, self.clock = database, clock
        self.store = AccountStore(database)
        self.records = IdempotencyRecords(database, clock)
        self.accounts = Accounts(self.store, lambda _key_id: None, clock=clock)
        self.creation = KeyCreation(self.accounts, self.store, self.records, pepper)
        self.account_id = self.creator_id = 0

    async def begin(self) -> None:
        """Make the account and its first key."""
        self.account_id = (await self.accounts.create_account("Studio")).id
        row, _ = await self.accounts.create_key(self.account_id, "first")
        self.creator_id = row.id

    def call(self, key: str = "monday", body: bytes = b"{}") -> IdempotentCall:
        """A call, as the interceptor tells of it."""
        return IdempotentCall(self.account_id, "/accounts/CreateApiKey", key, hashlib.sha256(body).digest())

    async def create(self, call: IdempotentCall | None = None, limits: KeyLimits = UNLIMITED) -> tuple[int, str]:
        """A key's id and secret."""
        row, secret = await self.creation.create(self.account_id, "ci", limits, self.creator_id, call or self.call())
        return row.id, secret

    def again(self, pepper: bytes = PEPPER) -> Service:
        """Another process on the same database."""
        other = Service(self.database, self.clock, pepper)
        other.account_id, other.creator_id = self.account_id, self.creator_id
        return other

    async def keys(self) -> int:
        """How many keys the account has, beside the first."""
        return len(await self.store.keys(self.account_id)) - 1


@pytest.fixture
async def service(migrated: str) -> AsyncIterator[Service]:
    async with open_database(migrated, 8) as database:
        made = Service(database, Clock())
        await made.begin()
        yield made


async def test_a_repeat_gets_the_same_key_from_any_process(service: Service) -> None:
    key_id, secret = await service.create()
    assert await service.create() == await service.again().create() == (key_id, secret)
    assert await service.keys() == 1
    owner = await owner_of(service.store, digest_of(secret))
    assert owner is not None
    assert (owner.key_id, owner.account_id) == (key_id, service.account_id)


async def test_the_secret_is_nowhere_in_the_database(service: Service) -> None:
    _, secret = await service.create()
    tables = [
        await service.database.fetch(text(f"SELECT string_agg(stored::text, ' ') AS rows FROM {table} AS stored"))
        for table in ("api_key", "idempotency")
    ]
    stored = " ".join(table[0]["rows"] for table in tables)
    shown = secret[:12]
    assert shown in stored
    assert secret not in stored
    assert secret[12:] not in stored
    assert secret.encode().hex() not in stored


async def test_another_request_under_the_same_key_is_refused(service: Service) -> None:
    await service.create()
    with pytest.raises(DarkroomError) as refused:
        await service.create(service.call(body=b"other"))
    assert refused.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    assert await service.keys() == 1


async def test_another_key_of_the_account_does_not_get_what_the_first_has_made(service: Service) -> None:
    await service.create()
    limited, _ = await service.accounts.create_key(service.account_id, "limited", KeyLimits(frozenset({"keys:write"})))
    other = service.again()
    other.creator_id = limited.id
    with pytest.raises(DarkroomError) as refused:
        await other.create()
    assert refused.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH


async def test_ten_at_once_make_one_key(service: Service) -> None:
    processes = [service.again() for _ in range(10)]
    made = await asyncio.gather(*(process.create() for process in processes))
    assert len(set(made)) == await service.keys() == 1


async def test_after_revocation_the_same_key_is_shown_as_revoked(service: Service) -> None:
    key_id, secret = await service.create()
    await service.accounts.revoke_key(key_id, service.account_id)
    row, again = await service.creation.create(service.account_id, "ci", UNLIMITED, service.creator_id, service.call())
    assert (row.id, again) == (key_id, secret)
    assert row.revoked_at is not None
    assert await owner_of(service.store, digest_of(again)) is None


async def test_a_repeat_after_the_end_of_the_key_is_no_error(service: Service) -> None:
    limits = KeyLimits(expires_at=service.clock() + timedelta(hours=1))
    made = await service.create(limits=limits)
    service.clock.now += timedelta(hours=2)
    assert await service.create(limits=limits) == made


async def test_after_a_day_the_same_call_makes_another_key(service: Service) -> None:
    _, secret = await service.create()
    service.clock.now += timedelta(hours=25)
    _, other = await service.create()
    assert other != secret
    assert await service.keys() == 2
    service.clock.now += timedelta(hours=25)
    assert await service.records.sweep() is False
    assert not await service.database.fetch(text("SELECT FROM idempotency"))


async def test_a_refused_call_leaves_its_key_unused(service: Service) -> None:
    late = KeyLimits(expires_at=service.clock() - timedelta(hours=1))
    with pytest.raises(DarkroomError) as refused:
        await service.create(limits=late)
    assert refused.value.reason is ErrorReason.FIELD_INVALID
    await service.create()
    assert await service.keys() == 1


async def test_a_repeat_after_the_signing_key_was_replaced_is_refused_and_says_what_to_do(service: Service) -> None:
    key_id, _ = await service.create()
    with pytest.raises(DarkroomError, match=f"Revoke that key, and create another.*|{key_id}") as refused:
        await service.again(b"q" * 32).create()
    assert refused.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    assert str(key_id) in refused.value.message


async def test_without_a_key_each_call_makes_its_own(service: Service) -> None:
    made = [await service.creation.create(service.account_id, "ci", UNLIMITED, service.creator_id, None) for _ in range(2)]
    assert len({secret for _, secret in made}) == 2


async def test_other_idempotency_keys_and_other_methods_make_other_keys(service: Service) -> None:
    calls = [service.call("a"), service.call("b"), replace(service.call("a"), method="/keys/CreateKey")]
    assert len({await service.create(call) for call in calls}) == await service.keys() == 3


async def test_an_administrator_creates_and_rotates_without_a_key(service: Service) -> None:
    row, _ = await service.creation.create(service.account_id, "ci", UNLIMITED, None, None)
    newer, _ = await service.creation.rotate(service.account_id, row.id, timedelta(), None, None)
    assert (row.creator_id, newer.creator_id, newer.replaces_id) == (None, None, row.id)
