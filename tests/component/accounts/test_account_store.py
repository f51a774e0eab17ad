"""Accounts and keys in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.keys import digest_of, make_key
from services.accounts.domain.usage import Usage
from services.accounts.records import KeyLimits, KeyOwner
from services.accounts.store.accounts import AccountStore
from services.accounts.store.revocations import RevocationStore
from services.accounts.store.tables import AccountsTable
from services.platform.database import engine as engine_of
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.accounts.owners import owner_of


@pytest.fixture
def accounts(store: AccountStore) -> Accounts:
    return Accounts(store, revoked=lambda key_id: None)


async def test_migration_makes_what_the_models_say(migrated: str) -> None:
    async with engine_of(migrated, 2) as engine, engine.connect() as connection:
        differences = await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync), AccountsTable.metadata))
    assert differences == []


@pytest.mark.thorough
async def test_replicas_may_migrate_at_once(database: str) -> None:
    command = (sys.executable, "-m", "services.accounts", "migrate")
    environment = os.environ | {"DARKROOM_DATABASE_URL": database}
    replicas = [await asyncio.create_subprocess_exec(*command, env=environment) for _ in range(2)]
    assert [await replica.wait() for replica in replicas] == [0, 0]


async def test_the_key_is_not_stored(accounts: Accounts, store: AccountStore, migrated: str) -> None:
    account = await accounts.create_account("  Studio  ")
    row, secret = await accounts.create_key(account.id, "first")
    assert (account.name, row.account_id, row.sha256) == ("Studio", account.id, digest_of(secret))
    assert 0 < account.id < row.id < 10**15
    async with engine_of(migrated, 2) as engine, engine.connect() as connection:
        for stored in (await connection.execute(text("SELECT * FROM api_key"))).all():
            assert secret not in str(stored)


async def test_the_owner_is_found_by_one_look_into_an_index(accounts: Accounts, store: AccountStore, migrated: str) -> None:
    account = await accounts.create_account("a")
    row, secret = await accounts.create_key(account.id, "k")
    assert await owner_of(store, digest_of(secret)) == KeyOwner(key_id=row.id, account_id=account.id, name="k")
    assert await owner_of(store, make_key().digest) is None
    async with engine_of(migrated, 2) as engine, engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(
            text("EXPLAIN SELECT id, account_id FROM api_key WHERE sha256 = :digest AND revoked_at IS NULL"), {"digest": digest_of(secret)}
        )
        assert "api_key_by_digest" in "\n".join(line[0] for line in plan)


async def test_limits_are_kept(accounts: Accounts, store: AccountStore) -> None:
    account = await accounts.create_account("a")
    ends = datetime.now(UTC) + timedelta(days=1)
    row, secret = await accounts.create_key(account.id, "k", KeyLimits(frozenset({"tasks:read", "files:read"}), ends))
    assert (row.scopes, row.expires_at) == (["files:read", "tasks:read"], ends)
    assert await owner_of(store, digest_of(secret)) == KeyOwner(row.id, account.id, frozenset({"tasks:read", "files:read"}), ends, name="k")
    with pytest.raises(DarkroomError) as refused:
        await accounts.create_key(account.id, "k", KeyLimits(expires_at=datetime.now(UTC)))
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "expire_time")


async def test_a_key_makes_none_that_can_do_more_or_lives_longer(accounts: Accounts) -> None:
    account, ends = await accounts.create_account("a"), datetime.now(UTC) + timedelta(days=1)
    scopes = frozenset({"keys:write", "tasks:read"})
    creator, _ = await accounts.create_key(account.id, "limited", KeyLimits(scopes, ends))
    same, _ = await accounts.create_key(account.id, "same", creator_id=creator.id)
    assert (same.scopes, same.expires_at) == (sorted(scopes), ends)
    fewer, _ = await accounts.create_key(account.id, "fewer", KeyLimits(frozenset({"tasks:read"}), ends - timedelta(hours=1)), creator.id)
    assert (fewer.scopes, fewer.expires_at) == (["tasks:read"], ends - timedelta(hours=1))
    for limits, field in (
        (KeyLimits(frozenset({"tasks:read", "tasks:write"})), "scopes"),
        (KeyLimits(expires_at=ends + timedelta(seconds=1)), "expire_time"),
    ):
        with pytest.raises(DarkroomError) as refused:
            await accounts.create_key(account.id, "more", limits, creator.id)
        assert (refused.value.reason, refused.value.field) == (ErrorReason.PERMISSION_DENIED, field)
    other = await accounts.create_account("other")
    with pytest.raises(DarkroomError) as refused:
        await accounts.create_key(other.id, "foreign", creator_id=creator.id)
    assert refused.value.reason is ErrorReason.API_KEY_NOT_FOUND


async def test_an_end_is_announced_when_it_has_come(accounts: Accounts, revocations: RevocationStore, migrated: str) -> None:
    account = await accounts.create_account("a")
    row, _ = await accounts.create_key(account.id, "k", KeyLimits(expires_at=datetime.now(UTC) + timedelta(hours=1)))
    assert row.id not in (await revocations.recent(timedelta(minutes=10))).ended
    async with engine_of(migrated, 2) as engine, engine.begin() as connection:
        await connection.execute(text("UPDATE api_key SET expires_at = now() WHERE id = :id"), {"id": row.id})
    assert row.id in (await revocations.recent(timedelta(minutes=10))).ended


async def test_use_is_recorded_and_never_goes_back(accounts: Accounts, store: AccountStore) -> None:
    account = await accounts.create_account("a")
    row, _ = await accounts.create_key(account.id, "k")
    other, _ = await accounts.create_key(account.id, "unused")
    usage, now = Usage(store), datetime.now(UTC)
    await usage.step()
    usage.note(row.id, now)
    await usage.step()
    usage.note(row.id, now - timedelta(minutes=1))
    await usage.step()
    assert {key.id: key.last_used_at for key in await accounts.keys(account.id)} == {row.id: now, other.id: None}


async def test_use_that_could_not_be_written_is_kept() -> None:
    class Unreachable:
        written: dict[int, datetime] | None = None

        async def record_use(self, used: dict[int, datetime]) -> None:
            if self.written is None:
                self.written = {}
                raise ConnectionError
            self.written = used

    store, now = Unreachable(), datetime.now(UTC)
    usage = Usage(store)
    usage.note(1, now)
    with pytest.raises(ConnectionError):
        await usage.step()
    await usage.step()
    assert store.written == {1: now}


async def test_revoking(accounts: Accounts, store: AccountStore, revocations: RevocationStore) -> None:
    mine, other = await accounts.create_account("mine"), await accounts.create_account("other")
    row, secret = await accounts.create_key(mine.id, "k")
    with pytest.raises(DarkroomError) as refused:
        await accounts.revoke_key(row.id, other.id)
    assert refused.value.reason is ErrorReason.API_KEY_NOT_FOUND
    assert await owner_of(store, digest_of(secret)) is not None
    revoked, others = await accounts.revoke_key(row.id, mine.id)
    assert others == []
    assert await owner_of(store, digest_of(secret)) is None
    again, _ = await accounts.revoke_key(row.id, None)
    assert again.revoked_at == revoked.revoked_at
    assert row.id in (await revocations.recent(timedelta(minutes=1))).ended
    assert row.id not in (await revocations.recent(timedelta(0))).ended
    assert [(key.id, key.revoked_at) for key in await accounts.keys(mine.id)] == [(row.id, revoked.revoked_at)]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb"])
async def test_names_that_are_none(accounts: Accounts, name: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        await accounts.create_account(name)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "name")


async def test_key_of_an_account_that_does_not_exist(accounts: Accounts, store: AccountStore) -> None:
    with pytest.raises(DarkroomError) as refused:
        await accounts.create_key(1, "k")
    assert refused.value.reason is ErrorReason.ACCOUNT_NOT_FOUND
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await store.add_key(1, "k", make_key(), now=datetime.now(UTC))
