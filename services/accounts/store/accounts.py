"""The statements of the accounts service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.accounts.domain.keys import UNLIMITED, KeyLimits, NewKey
from services.accounts.store.models import AccountRow, ApiKeyRow, Idempotency
from services.common.db import reaching_database, transaction
from services.common.idempotency import IdempotentCall, storing_key


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A key that has not been revoked: its id, whose it is, and its limits."""

    key_id: int
    account_id: int
    scopes: frozenset[str] | None = None
    """What the key may do; None for everything."""
    expires_at: datetime | None = None
    """When it ends, or has ended."""


@dataclass(frozen=True, slots=True)
class RepeatableKey:
    """A key that a call makes which may be repeated."""

    call: IdempotentCall
    key: NewKey
    nonce: bytes
    """What the key is derived from."""
    expires_at: datetime
    """When the call may no longer be repeated."""

    def record_of(self, row: ApiKeyRow) -> Idempotency:
        """What is kept of the call."""
        return Idempotency(
            account_id=self.call.account_id,
            method=self.call.method,
            key=self.call.key,
            digest=self.call.digest,
            resource_ids=[row.id],
            expire_time=self.expires_at,
            nonce=self.nonce,
        )


class AccountStore:
    """Accounts and keys in PostgreSQL. Each method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add_account(self, name: str) -> AccountRow:
        """A new account."""
        async with self._session() as session:
            row = AccountRow(name=name)
            session.add(row)
        return row

    async def account(self, account_id: int) -> AccountRow | None:
        """One account."""
        async with self._session() as session:
            return await session.get(AccountRow, account_id)

    async def accounts(self) -> Sequence[AccountRow]:
        """All of them, oldest first. For the administration command only: it reads the whole table."""
        async with self._session() as session:
            return (await session.execute(select(AccountRow).order_by(col(AccountRow.id)))).scalars().all()

    async def add_key(
        self, account_id: int, name: str, key: NewKey, limits: KeyLimits = UNLIMITED, repeatable: RepeatableKey | None = None
    ) -> ApiKeyRow:
        """A new key of an account that exists; with `repeatable`, and the record of its call. Raises IDEMPOTENCY_IN_PROGRESS when there is
        one already."""
        scopes = sorted(limits.scopes) if limits.scopes is not None else None
        row = ApiKeyRow(account_id=account_id, name=name, prefix=key.prefix, sha256=key.digest, scopes=scopes, expires_at=limits.expires_at)
        with storing_key():
            async with self._session() as session:
                session.add(row)
                if repeatable is not None:
                    await session.flush()
                    session.add(repeatable.record_of(row))
        return row

    async def nonce(self, call: IdempotentCall) -> bytes | None:
        """The nonce of the key that a call has made; None if no record is left of it."""
        async with self._session() as session:
            record = await session.get(Idempotency, (call.account_id, call.method, call.key))
        return record.nonce if record is not None else None

    async def key(self, key_id: int, account_id: int) -> ApiKeyRow | None:
        """One key of an account."""
        statement = select(ApiKeyRow).where(col(ApiKeyRow.id) == key_id, col(ApiKeyRow.account_id) == account_id)
        async with self._session() as session:
            return (await session.execute(statement)).scalars().one_or_none()

    async def keys(self, account_id: int) -> Sequence[ApiKeyRow]:
        """An account's keys, newest first, revoked ones included."""
        statement = select(ApiKeyRow).where(col(ApiKeyRow.account_id) == account_id).order_by(col(ApiKeyRow.id).desc())
        async with self._session() as session:
            return (await session.execute(statement)).scalars().all()

    async def owner(self, digest: bytes) -> KeyOwner | None:
        """Whose key has this digest, also if its time is over; None for an unknown or revoked one. One look into the unique index."""
        statement = select(col(ApiKeyRow.id), col(ApiKeyRow.account_id), col(ApiKeyRow.scopes), col(ApiKeyRow.expires_at)).where(
            col(ApiKeyRow.sha256) == digest, col(ApiKeyRow.revoked_at).is_(None)
        )
        async with transaction(self._engine) as connection:
            found = (await connection.execute(statement)).one_or_none()
        if found is None:
            return None
        key_id, account_id, scopes, expires_at = found
        return KeyOwner(key_id, account_id, frozenset(scopes) if scopes is not None else None, expires_at)

    async def revoke(self, key_id: int, account_id: int | None) -> ApiKeyRow | None:
        """Revoke a key, of one account or (None) of any. A key that was revoked before keeps its time. None: no such key."""
        statement = (
            update(ApiKeyRow)
            .where(col(ApiKeyRow.id) == key_id)
            .values(revoked_at=func.coalesce(ApiKeyRow.revoked_at, func.now()))
            .returning(ApiKeyRow)
        )
        if account_id is not None:
            statement = statement.where(col(ApiKeyRow.account_id) == account_id)
        async with self._session() as session:
            return (await session.execute(statement)).scalars().one_or_none()

    async def record_use(self, used: Mapping[int, datetime]) -> None:
        """Note when keys were used last; an earlier time than the noted one changes nothing."""
        statement = (
            update(ApiKeyRow)
            .where(col(ApiKeyRow.id) == bindparam("key_id"))
            .values(last_used_at=func.greatest(ApiKeyRow.last_used_at, bindparam("used_at")))
        )
        # In the order of their ids, so that two replicas cannot wait for each other.
        rows = [{"key_id": key_id, "used_at": used[key_id]} for key_id in sorted(used)]
        async with transaction(self._engine) as connection:
            await connection.execute(statement, rows)

    async def recently_ended(self, within: timedelta) -> Sequence[int]:
        """Ids of the keys that were revoked, or whose time was over, in the last `within`."""
        expired = col(ApiKeyRow.expires_at).between(func.now() - within, func.now())
        statement = select(col(ApiKeyRow.id)).where(or_(col(ApiKeyRow.revoked_at) > func.now() - within, expired))
        async with transaction(self._engine) as connection:
            return (await connection.execute(statement)).scalars().all()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        # Rows are read after their transaction has ended.
        with reaching_database():
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
